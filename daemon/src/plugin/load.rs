//! Loads a checked image: sealed memory → `dlopen` → header → layout check → root module.
#![expect(unsafe_code, reason = "runs foreign code: the one place where the daemon trusts a file")]

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};
use zonemux_plugin_abi::stable::{
    AbiHeaderRef, AbiInstability, AbiInstabilityErrors, LibHeader, StableAbi, TLFieldOrFunction,
    check_layout_compatibility,
};
use zonemux_plugin_abi::{HEADER_SYMBOL, PluginModuleRef};

use super::error::{PluginError, Refusal};
use super::image::Image;
use super::process::Launcher;

/// A loaded plugin file. Never unloaded: its threads and statics live as long as the process.
#[derive(Clone, Copy)]
pub struct Loaded {
    pub(super) module: PluginModuleRef,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loaded")
    }
}

impl Loaded {
    /// JSON Schema of the plugin's settings.
    pub fn schema(&self) -> String {
        self.module.schema()().into_string()
    }
}

/// Loads images, each content once: several backends share one copy of a plugin.
#[derive(Default)]
pub struct Loader {
    loaded: Mutex<HashMap<String, Arc<Entry>>>,
    launcher: OnceLock<Arc<Launcher>>,
}

/// One content, loaded at most once, also while several ask for it.
#[derive(Default)]
struct Entry(Mutex<Option<Final>>);

/// What came of loading a content, for as long as the process lives.
struct Final {
    result: Result<Loaded, Refusal>,
    // The number of a closed descriptor may be used again, and `/proc/self/fd/N` is the name by
    // which the dynamic linker knows the library: so it stays open for ever.
    _sealed: OwnedFd,
}

impl Entry {
    /// Loads a content that was not loaded yet. What may pass (no descriptor left, a library that is
    /// missing) is tried again by the next who asks.
    fn load(
        &self,
        seal: impl FnOnce() -> std::io::Result<OwnedFd>,
        open: impl FnOnce(&OwnedFd) -> Result<Loaded, Refusal>,
    ) -> Result<Loaded, Refusal> {
        let mut entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*entry {
            return known.result.clone();
        }
        let sealed = seal().map_err(|error| Refusal::NotSealed(error.to_string()))?;
        let result = open(&sealed);
        if !matches!(result, Err(Refusal::Linker(_))) {
            *entry = Some(Final { result: result.clone(), _sealed: sealed });
        }
        result
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("loaded", &self.entries().len()).finish()
    }
}

impl Loader {
    /// Loads an image, or finds that its content is loaded already. Runs the file's constructors:
    /// call it on a thread that may block.
    pub fn load(&self, image: &Image) -> Result<Loaded, PluginError> {
        let entry = Arc::clone(self.entries().entry(image.sha256.clone()).or_default());
        let result = entry.load(|| image.seal(), |sealed| open_descriptor(sealed, &image.manifest.name));
        result.map_err(|reason| PluginError::new(&image.path, reason))
    }

    /// What starts processes for those that are not loaded here.
    ///
    /// # Errors
    ///
    /// When there is none, and none can be made.
    pub fn launcher(&self) -> std::io::Result<Arc<Launcher>> {
        if let Some(launcher) = self.launcher.get() {
            return Ok(Arc::clone(launcher));
        }
        let launcher = Arc::new(Launcher::of_this_program()?);
        Ok(Arc::clone(self.launcher.get_or_init(|| launcher)))
    }

    /// One that starts processes by a launcher of the caller's.
    pub fn with_launcher(launcher: Arc<Launcher>) -> Self {
        Self { launcher: OnceLock::from(launcher), ..Self::default() }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads the file behind a descriptor, which must never be closed: its path is the name by which the linker
/// knows the library.
pub(super) fn open_descriptor(file: &OwnedFd, name: &str) -> Result<Loaded, Refusal> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // RTLD_NOW: a missing symbol is an error here and not a crash in the middle of a call.
    // SAFETY: runs the constructors of a file that was checked to be the operator's choice; what it
    // does inside this process can't be contained inline, which the documentation says.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| Refusal::Linker(words(&error).replace(&path, name)))?;
    // Never unloaded, also if it turns out to be no plugin: its constructors may have begun threads.
    let library = std::mem::ManuallyDrop::new(library);
    // SAFETY: the symbol is a static that begins with an `AbiHeader`, as `export_plugin!` defines
    // it; nothing but its address is taken here.
    let symbol: Symbol<*const ()> = unsafe { library.get(HEADER_SYMBOL.as_bytes()) }
        .map_err(|_| Refusal::NotAPlugin(format!("it does not export `{HEADER_SYMBOL}`")))?;
    let address = symbol.as_raw_ptr();
    if address.is_null() {
        return Err(Refusal::NotAPlugin(format!("`{HEADER_SYMBOL}` is null")));
    }
    // SAFETY: an `AbiHeaderRef` is a reference to the static's first bytes, whose magic and versions
    // `upgrade` checks before anything behind them is read; the static lives for ever.
    let header = unsafe { std::mem::transmute::<*mut std::ffi::c_void, AbiHeaderRef>(address) };
    let header = header.upgrade().map_err(|_| {
        Refusal::Layout("its header was made by another version of the boundary's library".into())
    })?;
    check_layout(header)?;
    // SAFETY: the layouts were just found compatible in one direction, which is all that differs
    // from the checked variant.
    unsafe { header.init_root_module_with_unchecked_layout::<PluginModuleRef>() }
        .map(|module| Loaded { module })
        .map_err(|error| Refusal::Initialisation(first_line(&error.to_string())))
}

/// Accepts a plugin that knows less than we do, and one that knows more: the library's own check
/// accepts only the latter, and would refuse every plugin older than the daemon.
fn check_layout(header: &'static LibHeader) -> Result<(), Refusal> {
    let theirs = header
        .layout()
        .ok_or_else(|| Refusal::Layout("it was built without a description of its types".into()))?;
    let ours = PluginModuleRef::LAYOUT;
    let Err(errors) = check_layout_compatibility(ours, theirs) else { return Ok(()) };
    if check_layout_compatibility(theirs, ours).is_ok() {
        return Ok(());
    }
    // The whole text is tens of kilobytes; the first type that differs is what helps.
    Err(Refusal::Layout(first_difference(&errors)))
}

/// Such as ``REndpointRef: size 80 vs 112``.
fn first_difference(errors: &AbiInstabilityErrors) -> String {
    // Types that only contain the one that differs are named as well, without an error of their own.
    let Some(error) = errors.errors.iter().find(|error| !error.errs.is_empty()) else {
        return "its types are laid out differently".into();
    };
    let name = error.stack_trace.iter().next_back().map(|fields| match &fields.expected {
        TLFieldOrFunction::Field(field) => field.layout().name().to_owned(),
        TLFieldOrFunction::Function(function) => function.name.to_string(),
    });
    let name = name.unwrap_or_else(|| errors.interface.name().to_owned());
    let difference = match error.errs.iter().next() {
        Some(AbiInstability::Size(size)) => format!("size {} vs {}", size.expected, size.found),
        Some(AbiInstability::Alignment(alignment)) => {
            format!("alignment {} vs {}", alignment.expected, alignment.found)
        }
        Some(AbiInstability::FieldCountMismatch(count)) => {
            format!("{} fields vs {}", count.expected, count.found)
        }
        Some(AbiInstability::UnexpectedField(field)) => {
            format!("field `{}` vs `{}`", field.expected.name(), field.found.name())
        }
        Some(other) => {
            // The variant's name says what differs; its contents are pages of types.
            let text = format!("{other:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
        None => "different".to_owned(),
    };
    format!("{name}: {difference}")
}

/// The linker's own words stand behind the error that says that there are some.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    fn memory() -> io::Result<OwnedFd> {
        Ok(rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC)?)
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_final_is_not() {
        let (entry, opened) = (Entry::default(), Cell::new(0));
        let opening = |refusal: Refusal| {
            let opened = &opened;
            move |_: &OwnedFd| {
                opened.set(opened.get() + 1);
                Err(refusal)
            }
        };
        // EMFILE: every descriptor is in use at this moment.
        let full = || Err(io::Error::from_raw_os_error(24));
        let refused = entry.load(full, opening(Refusal::Aborts)).unwrap_err();
        assert!(refused.to_string().contains("Too many open files"), "{refused}");
        assert_eq!(opened.get(), 0);
        let missing = Refusal::Linker("libnosuch.so.1: cannot open shared object file".into());
        assert_eq!(entry.load(memory, opening(missing.clone())).unwrap_err(), missing);
        let differs = Refusal::Layout("other".into());
        for _ in 0..3 {
            assert_eq!(entry.load(memory, opening(differs.clone())).unwrap_err(), differs);
        }
        assert_eq!(opened.get(), 2, "its constructors have run, and run once");
    }
}
