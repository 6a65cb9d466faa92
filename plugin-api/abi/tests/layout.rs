//! Pins what crosses the plugin boundary: size, alignment, fields and functions of every type of ours
//! that the root module reaches, in their order.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use zonemux_plugin_abi::stable::StableAbi;
use zonemux_plugin_abi::{HEADER_SYMBOL, MANIFEST_SECTION, PluginModuleRef, VERSION};

use abi_stable::type_layout::{TLData, TLField, TLFields, TLFunction, TypeLayout};

const WHAT_TO_DO: &str = "\
What crosses the plugin boundary has changed. Plugins that were built before will be refused, or worse:

* Fields of a struct are frozen since 1.0: a new one goes into an `ext` list as a pair.
* A method may only be added behind the last one of its trait, with a default body and without moving
  `#[sabi(last_prefix_field)]`; then accept this snapshot and raise the minor version of this crate.
* Anything else is another interface: take the change back, or raise the major version of this crate,
  rename HEADER_SYMBOL to match, say in the change log that every plugin must be built anew, and accept.";

#[test]
fn what_crosses_the_boundary_is_pinned() {
    let mut text =
        format!("version {}\nheader {HEADER_SYMBOL}\nmanifest {MANIFEST_SECTION}\n", major(VERSION));
    for described in describe_all(PluginModuleRef::LAYOUT) {
        text.push('\n');
        text.push_str(&described);
    }
    insta::with_settings!({ description => WHAT_TO_DO, omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("layout", text);
    });
}

/// A minor version changes nothing for plugins that are there.
fn major(version: &str) -> &str {
    version.split('.').next().expect("a version has a first part")
}

/// Every type of this crate that can be reached, described, in the order of their names.
fn describe_all(root: &'static TypeLayout) -> BTreeSet<String> {
    let (mut described, mut seen, mut waiting) = (BTreeSet::new(), HashSet::new(), vec![root]);
    while let Some(layout) = waiting.pop() {
        // A type's name alone is not its own: there is a `VTable` for each trait, an `RVec` for each element.
        if !seen.insert(layout.get_utypeid()) {
            continue;
        }
        if layout.package().as_str() == env!("CARGO_PKG_NAME") {
            described.insert(describe(layout));
        }
        waiting.extend(reached(layout));
    }
    described
}

fn describe(layout: &'static TypeLayout) -> String {
    let (path, size, alignment) = (layout.mod_path(), layout.size(), layout.alignment());
    let mut text = format!("{path}::{}: size {size}, alignment {alignment}", name(layout));
    if let TLData::PrefixType(prefix) = layout.data() {
        // Older plugins have at least these.
        write!(text, ", the first {} always there", prefix.first_suffix_field).expect("a string takes all");
    }
    text.push('\n');
    for field in fields(layout) {
        let functions = field.function_range();
        if functions.is_empty() {
            let (own, size) = (field.layout(), field.layout().size());
            writeln!(text, "  {}: {}, size {size}", field.name(), name(own)).expect("a string takes all");
        }
        for function in functions {
            writeln!(text, "  {}", signature(&function)).expect("a string takes all");
        }
    }
    text
}

/// A type's name with what it is generic over, which only its fields say.
fn name(layout: &'static TypeLayout) -> String {
    let fields = fields(layout);
    let over: Vec<String> = match layout.name() {
        // A pointer to the elements comes first.
        "RVec" | "RSlice" => fields.iter().take(1).map(|field| field.full_type().to_string()).collect(),
        "RResult" | "FfiPoll" => fields.iter().map(|field| name(field.layout())).collect(),
        // What its `poll` returns.
        "BorrowingFfiFuture" | "LocalBorrowingFfiFuture" => {
            let polls = fields
                .iter()
                .flat_map(|field| field.function_range().iter())
                .filter_map(|function| result(&function));
            polls.chain(fields.iter().map(TLField::layout)).take(1).map(name).collect()
        }
        _ => return layout.full_type().to_string(),
    };
    format!("{}<{}>", layout.name(), over.join(", "))
}

fn fields(layout: &'static TypeLayout) -> Vec<TLField> {
    layout.get_fields().map(|fields| fields.to_vec()).unwrap_or_default()
}

fn signature(function: &TLFunction) -> String {
    let parameters: Vec<String> = parameters(function).map(name).collect();
    let result = result(function).map_or("()".to_owned(), name);
    format!("fn {}({}) -> {result}", function.name, parameters.join(", "))
}

fn parameters(function: &TLFunction) -> impl Iterator<Item = &'static TypeLayout> {
    let constructors: Vec<_> = function.param_type_layouts.iter().collect();
    constructors.into_iter().map(|layout| layout())
}

fn result(function: &TLFunction) -> Option<&'static TypeLayout> {
    function.return_type_layout().map(|layout| layout())
}

/// The types of fields, of functions' parameters and results, and of generic parameters.
fn reached(layout: &'static TypeLayout) -> Vec<&'static TypeLayout> {
    let mut types = Vec::new();
    let mut through = |fields: TLFields| {
        for field in fields.iter() {
            types.push(field.layout());
            for function in field.function_range() {
                types.extend(parameters(&function));
                types.extend(result(&function));
            }
        }
    };
    layout.get_fields().into_iter().for_each(&mut through);
    through(layout.phantom_fields());
    types
}
