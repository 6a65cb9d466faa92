//! `[views.NAME]`.

use std::collections::{BTreeMap, BTreeSet};

use config::{Value, ValueKind};

use super::super::effective::Entry;
use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::model::{Auth, View};
use super::super::origin::Origin;
use super::super::value::{BackendName, Secret, ViewName, ViewPath};
use super::backend::BackendOutlines;
use super::section::Section;
use super::setting::Setting;
use super::{Located, Reader, sorted};

/// What the check of the whole needs to know of a view, also where some of its values are faulty.
#[derive(Debug)]
pub(crate) struct ViewOutline {
    pub(crate) path: Option<Located<ViewPath>>,
    pub(crate) backends: Vec<Located<BackendName>>,
}

/// What `[views]` says; nothing where it is missing or empty.
type Views = Option<(BTreeMap<ViewName, View>, Vec<ViewOutline>)>;

impl Reader<'_> {
    pub(super) fn views(&mut self, root: &mut Section<'_>) -> Views {
        let (path, value) = root.take("views")?;
        let mut views = BTreeMap::new();
        let mut outlines = Vec::new();
        if self.table(&path, value).is_some() && sorted(value).is_empty() {
            return None;
        }
        for (key, value) in sorted(value) {
            let path = path.key(key);
            let Some(name) = self.name::<ViewName>(&path, key, value) else {
                continue;
            };
            let Some(section) = self.table(&path, value) else {
                continue;
            };
            let (view, outline) = self.view(section);
            outlines.push(outline);
            views.extend(view.map(|view| (name, view)));
        }
        Some((views, outlines))
    }

    /// The views as they are written, else the one that needs no writing: every backend at `/`.
    pub(super) fn with_default_view(
        &mut self,
        views: Views,
        backends: &BackendOutlines,
    ) -> (BTreeMap<ViewName, View>, Vec<ViewOutline>) {
        if let Some(views) = views {
            return views;
        }
        let (Ok(name), Ok(path)) = (ViewName::DEFAULT.parse::<ViewName>(), "/".parse::<ViewPath>()) else {
            return Default::default();
        };
        let mirrors: BTreeSet<_> =
            backends.values().flat_map(|backend| &backend.mirrors).map(|mirror| &mirror.value).collect();
        let members: Vec<_> = backends.keys().filter(|name| !mirrors.contains(name)).cloned().collect();
        let at = KeyPath::of(&["views", name.as_str()]);
        self.record(&at.key("path"), &path, Origin::Default);
        let shown = members.iter().map(Setting::show).collect();
        self.entries.push(Entry::value(at.key("backends"), shown, vec![Origin::Default]));
        let located = |(index, backend): (usize, &BackendName)| Located {
            value: backend.clone(),
            path: at.key("backends").index(index),
            origin: backends[backend].origin.clone(),
        };
        let outline = ViewOutline { path: None, backends: members.iter().enumerate().map(located).collect() };
        (BTreeMap::from([(name, View { path, backends: members, auth: None })]), vec![outline])
    }

    fn view(&mut self, mut section: Section<'_>) -> (Option<View>, ViewOutline) {
        let path = self.required_located::<ViewPath>(&mut section, "path");
        let backends = self.filled_list::<BackendName>(&mut section, "backends", "at least one backend");
        let names_auth = !section.lacks("auth");
        let auth = self.auth(&mut section);
        self.finish(&section);
        let view = match (&path, &backends) {
            // A view that shall be guarded, and by what can't be read, must not be open.
            (Some(path), Some(backends)) if auth.is_some() || !names_auth => Some(View {
                path: path.value.clone(),
                backends: backends.iter().map(|backend| backend.value.clone()).collect(),
                auth,
            }),
            _ => None,
        };
        (view, ViewOutline { path, backends: backends.unwrap_or_default() })
    }

    fn auth(&mut self, view: &mut Section<'_>) -> Option<Auth> {
        let mut section = self.section(view, "auth")?;
        let user = self.required_located::<String>(&mut section, "user");
        if let Some(user) = &user
            && user.value.contains(':')
        {
            self.refuse(user, "a colon can't stand in a user's name (RFC 7617, 2)");
        }
        let passwords = if let Some((path, value)) = section.take("password") {
            self.passwords(&path, value)
        } else {
            self.missing(&section, "password", "a secret, or a list of two while rotating");
            None
        };
        self.finish(&section);
        let (password, second_password) = passwords?;
        Some(Auth { user: user?.value, password, second_password })
    }

    /// One secret, or a list of one or two.
    fn passwords(&mut self, path: &KeyPath, value: &Value) -> Option<(Secret, Option<Secret>)> {
        let origin = Origin::of(value);
        let items: Vec<(KeyPath, Value)> = match &value.kind {
            ValueKind::Array(items) => {
                items.iter().enumerate().map(|(index, item)| (path.index(index), item.clone())).collect()
            }
            _ => vec![(path.clone(), value.clone())],
        };
        if !(1..=2).contains(&items.len()) {
            let message = format!("expected one secret or a list of two, got {}", items.len());
            self.faults.push(Finding::at(path, message).from_layer(origin));
            return None;
        }
        let secrets: Vec<_> = items
            .iter()
            .map(|(path, value)| {
                self.warn_if_readable(path, value);
                self.secret(path, value)
            })
            .collect();
        self.entries.push(Entry::secret(path.clone(), origin));
        let mut secrets = secrets.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        Some((secrets.next()?, secrets.next()))
    }
}
