//! Inside of a crate no two files import from each other, over any number of steps, except a module and its parts; and a name
//! is imported from the module that defines it, not through the crate's root. Only `use` items count, not paths in code.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, File, Item, UseTree};

/// A module's path from the root of its crate; that of the root is empty.
type Module = Vec<String>;

#[test]
fn no_two_files_of_a_crate_depend_on_each_other() {
    let mut faults = Vec::new();
    for (name, source) in crates() {
        let house = House::read(&source);
        faults.extend(house.faults().map(|fault| format!("{name}: {fault}")));
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_circle_of_any_form_is_a_fault() {
    let circles: [&[(&str, &str)]; 3] = [
        &[("a", "use crate::b::B;"), ("b", "use crate::a::A;")],
        &[
            ("a", "use crate::{b::{self, B}, d};"),
            ("b", "use super::c;"),
            ("c", "use crate::a::A;"),
        ],
        // Through a name that the parent passes on.
        &[
            ("a", "use crate::b::C;"),
            ("b", "pub(crate) use self::c::C;"),
            ("b::c", "use crate::a::A;"),
        ],
    ];
    for files in circles {
        let faults: Vec<_> = House::of(files).faults().collect();
        assert_eq!(faults.len(), 1, "{files:?}: {faults:?}");
        assert!(faults[0].contains("need each other"), "{faults:?}");
    }
}

#[test]
fn a_name_that_comes_through_the_root_is_a_fault() {
    let files = [
        ("", "mod a; pub use a::A;"),
        ("a", ""),
        ("b", "use crate::A;"),
    ];
    let faults: Vec<_> = House::of(&files).faults().collect();
    assert_eq!(faults, ["b has A from the root, not from a"]);
}

#[test]
fn dependencies_in_one_direction_are_no_fault() {
    let files = [
        ("", "mod a; pub use a::A;"),
        ("a", "use crate::b::B; pub use self::c::C;"),
        (
            "a::c",
            "use crate::b::B; #[cfg(test)] mod tests { use crate::a::A; }",
        ),
        ("b", "use std::fmt;"),
        ("d", "use self::e::E;"),
        ("d::e", "use super::D;"),
    ];
    assert_eq!(House::of(&files).faults().count(), 0);
}

/// The crates of the workspace, with the folder of their source.
fn crates() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = fs::read_dir(root.join("crates")).unwrap();
    let mut crates: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
    crates.extend(
        [
            "migrations",
            "tests",
            "tests/differential",
            "tests/parsing",
            "tests/simulation",
        ]
        .map(|it| root.join(it)),
    );
    let named = crates.into_iter().map(|folder| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        (name, folder.join("src"))
    });
    named.collect()
}

/// The files of a crate by their modules, and what each imports.
struct House(BTreeMap<Module, Vec<Import>>);

struct Import {
    path: Module,
    /// The name is passed on.
    passed_on: bool,
}

impl House {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut open = vec![source.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    let module = module_of(path.strip_prefix(source).unwrap());
                    files.insert(module.clone(), imports(&module, &text));
                }
            }
        }
        Self(files)
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let file = |(name, text): &(&str, &str)| {
            let module: Module = name.split("::").map(ToOwned::to_owned).collect();
            let module = if name.is_empty() {
                Module::new()
            } else {
                module
            };
            (module.clone(), imports(&module, text))
        };
        Self(files.iter().map(file).collect())
    }

    fn faults(&self) -> impl Iterator<Item = String> {
        let through_the_root = self.0.iter().flat_map(|(file, imports)| {
            imports.iter().filter_map(|import| {
                let [name] = &import.path[..] else {
                    return None;
                };
                let home = self.home(&import.path)?;
                let passed_on = !home.is_empty() && *home != import.path;
                passed_on.then(|| {
                    let (file, home) = (file.join("::"), home.join("::"));
                    format!("{file} has {name} from the root, not from {home}")
                })
            })
        });
        through_the_root.chain(self.circles())
    }

    /// Groups of files each of which reaches all others of its group.
    fn circles(&self) -> impl Iterator<Item = String> {
        let reached: BTreeMap<_, _> = self
            .0
            .keys()
            .map(|file| (file, self.reached(file)))
            .collect();
        let mut told = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, others) in &reached {
            let circle: Vec<_> = others
                .iter()
                .filter(|other| reached[*other].contains(*file))
                .collect();
            if !circle.is_empty() && told.insert(circle.clone()) {
                let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
                circles.push(format!("{} need each other", names.join(", ")));
            }
        }
        circles.into_iter()
    }

    /// The files that a file needs, over any number of steps.
    fn reached<'a>(&'a self, file: &'a Module) -> BTreeSet<&'a Module> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            let homes = self.0[next]
                .iter()
                .filter_map(|import| self.home(&import.path));
            // A module in a folder of another is a part of it, and may need the whole.
            let others: Vec<_> = homes.filter(|home| !next.starts_with(home)).collect();
            open.extend(others.into_iter().filter(|home| reached.insert(*home)));
        }
        reached
    }

    /// The file that has what a path names.
    fn home<'a>(&'a self, path: &[String]) -> Option<&'a Module> {
        let longest = (0..=path.len())
            .rev()
            .find(|n| self.0.contains_key(&path[..*n]))?;
        let (module, imports) = self.0.get_key_value(&path[..longest])?;
        let passed_on = path.get(longest).and_then(|name| {
            let mut passed_on = imports.iter().filter(|import| import.passed_on);
            passed_on.find(|import| import.path.last() == Some(name))
        });
        match passed_on {
            Some(import) if import.path != path => self.home(&import.path),
            _ => Some(module),
        }
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; `lib.rs` and `main.rs` are the root.
fn module_of(file: &Path) -> Module {
    let parts = file.with_extension("");
    let mut module: Module = parts
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let is_named_for_its_folder = match module.last().map(String::as_str) {
        Some("mod") => true,
        Some("lib" | "main") => module.len() == 1,
        _ => false,
    };
    if is_named_for_its_folder {
        module.pop();
    }
    module
}

/// What a file imports from its own crate, tests aside.
fn imports(module: &Module, text: &str) -> Vec<Import> {
    let File { items, .. } = syn::parse_file(text).unwrap();
    let children: BTreeSet<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(child) => Some(child.ident.to_string()),
            _ => None,
        })
        .collect();
    let mut imports = Vec::new();
    for item in &items {
        let Item::Use(item) = item else { continue };
        if item.attrs.iter().any(is_of_tests) {
            continue;
        }
        let passed_on = !matches!(item.vis, syn::Visibility::Inherited);
        for path in leaves(&item.tree) {
            if let Some(path) = absolute(module, &children, &path) {
                imports.push(Import { path, passed_on });
            }
        }
    }
    imports
}

fn is_of_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Ident>()
            .is_ok_and(|argument| argument == "test")
}

/// Each path of a `use`.
fn leaves(tree: &UseTree) -> Vec<Module> {
    match tree {
        UseTree::Path(path) => {
            let below = leaves(&path.tree).into_iter();
            let whole = below.map(|mut leaf| {
                leaf.insert(0, path.ident.to_string());
                leaf
            });
            whole.collect()
        }
        UseTree::Name(name) if name.ident == "self" => vec![Module::new()],
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(name) => vec![vec![name.ident.to_string()]],
        UseTree::Glob(_) => vec![Module::new()],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// A path from the root of the crate, or `None` if it leads into another one.
fn absolute(module: &Module, children: &BTreeSet<String>, path: &[String]) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let mut base = module.clone();
    match first.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => drop(base.pop()?),
        child if children.contains(child) => base.push(child.to_owned()),
        _ => return None,
    }
    let mut rest = rest;
    while let Some(("super", further)) = rest.split_first().map(|(a, b)| (a.as_str(), b)) {
        base.pop()?;
        rest = further;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}
