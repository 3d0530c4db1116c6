//! Each number of a port's contract has a case, and each adapter passes all cases of its ports.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, Item, Lit, Meta, Visibility};

/// Where the suites are.
const SUITES: &str = "contracts";

/// What shows only on the real thing the fakes need not show.
const FAKES: &str = "fakes";

#[test]
fn each_number_of_a_contract_has_a_case_on_each_adapter() {
    let house = House::read();
    assert!(house.ports.len() >= 12, "{:?}", house.ports.keys());
    assert!(house.adapters.len() >= 24, "{:?}", house.adapters);
    assert_eq!(house.gaps(), [""; 0]);
}

#[test]
fn a_number_without_a_case_is_a_gap() {
    let mut house = House::read();
    let numbers = house.ports.get_mut("QuotaCounter").unwrap();
    let next = numbers.last().unwrap() + 1;
    numbers.insert(next);
    let gaps = house.gaps();
    assert_eq!(gaps.len(), 2, "one for each adapter: {gaps:?}");
    assert!(
        gaps[0].contains(&format!("QuotaCounter {next}")),
        "{gaps:?}"
    );
}

#[test]
fn a_case_of_a_number_that_no_contract_has_is_a_gap() {
    let mut house = House::read();
    house.suites.get_mut("Outbox").unwrap().insert(99);
    assert_eq!(house.gaps(), ["Outbox has no number 99, but a case of it"]);
}

#[test]
fn an_adapter_that_does_not_run_the_suite_is_a_gap() {
    let mut house = House::read();
    house
        .runs
        .remove(&("redis".to_owned(), "QuotaCounter".to_owned()));
    assert_eq!(
        house.gaps(),
        ["redis does not run the suite of QuotaCounter"]
    );
}

/// What the sources say.
struct House {
    /// The numbers of each port's contract.
    ports: BTreeMap<Port, BTreeSet<u32>>,
    /// The numbers that each port's suite has cases of.
    suites: BTreeMap<Port, BTreeSet<u32>>,
    /// Which crate implements which port.
    adapters: BTreeSet<(Crate, Port)>,
    /// Which crate runs the suite of which port.
    runs: BTreeSet<(Crate, Port)>,
    /// Which number of which port a test of a crate's own shows.
    own_cases: BTreeSet<(Crate, Port, u32)>,
}

type Crate = String;
type Port = String;

impl House {
    fn read() -> Self {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        let ports = ports(&crates.join("domain/src/ports"));
        let suites = crates.join(SUITES).join("src");
        let numbers = |port: &Port| (port.clone(), numbers_of_the_suite(&suites, port));
        let mut house = Self {
            suites: ports.keys().map(numbers).collect(),
            ports,
            adapters: BTreeSet::new(),
            runs: BTreeSet::new(),
            own_cases: BTreeSet::new(),
        };
        let store = fs::read_to_string(suites.join("store.rs")).unwrap();
        for folder in fs::read_dir(crates).unwrap() {
            let folder = folder.unwrap();
            if folder.file_name() != SUITES {
                house.read_crate(&folder.path(), &store);
            }
        }
        house
    }

    /// `store` is the source of the macro that runs the suites of all of the store's ports.
    fn read_crate(&mut self, folder: &Path, store: &str) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        for source in files_below(&folder.join("src")) {
            let text = fs::read_to_string(source).unwrap();
            self.read_adapters(name, &text);
            self.read_tests(name, &text, store);
        }
        for test in files_below(&folder.join("tests")) {
            self.read_tests(name, &fs::read_to_string(test).unwrap(), store);
        }
    }

    fn read_adapters(&mut self, name: &str, text: &str) {
        for item in syn::parse_file(text).unwrap().items {
            let Item::Impl(block) = item else { continue };
            let implemented = block.trait_.as_ref().and_then(|of| of.0.segments.last());
            let port = implemented.map(|last| last.ident.to_string());
            if let Some(port) = port.filter(|port| self.ports.contains_key(port)) {
                self.adapters.insert((name.to_owned(), port));
            }
        }
    }

    fn read_tests(&mut self, name: &str, text: &str, store: &str) {
        let runs_the_store = text.contains("::store_suites!(");
        for port in self.ports.keys() {
            let suite = format!("::{}_suite!(", snake_case(port));
            if text.contains(&suite) || runs_the_store && store.contains(&suite) {
                self.runs.insert((name.to_owned(), port.clone()));
            }
            let start = format!("/// `{port}` ");
            let docs = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix(&start));
            for number in docs.flat_map(leading_numbers) {
                self.own_cases
                    .insert((name.to_owned(), port.clone(), number));
            }
        }
    }

    fn gaps(&self) -> Vec<String> {
        let unknown = self.ports.iter().flat_map(|(port, numbers)| {
            self.suites[port]
                .difference(numbers)
                .map(move |number| format!("{port} has no number {number}, but a case of it"))
        });
        let not_run = self.adapters.difference(&self.runs);
        let not_run =
            not_run.map(|(adapter, port)| format!("{adapter} does not run the suite of {port}"));
        let not_shown = self.adapters.iter().flat_map(|(adapter, port)| {
            self.not_in_the_suite(port)
                .filter(move |number| {
                    let own = (adapter.clone(), port.clone(), *number);
                    adapter != FAKES && !self.own_cases.contains(&own)
                })
                .map(move |number| format!("{adapter} has no case of {port} {number}"))
        });
        unknown.chain(not_run).chain(not_shown).collect()
    }

    fn not_in_the_suite(&self, port: &Port) -> impl Iterator<Item = u32> {
        self.ports[port].difference(&self.suites[port]).copied()
    }
}

/// The traits with a contract, and its numbers.
fn ports(folder: &Path) -> BTreeMap<Port, BTreeSet<u32>> {
    let sources = files_below(folder)
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap());
    let items = sources.flat_map(|text| syn::parse_file(&text).unwrap().items);
    items
        .filter_map(|item| {
            let Item::Trait(port) = item else { return None };
            let docs = docs(&port.attrs);
            let contract = docs.iter().skip_while(|line| *line != "# Contract").skip(1);
            let numbered = contract.take_while(|line| !line.starts_with('#'));
            let numbers = numbered.filter_map(|line| line.split_once(". ")?.0.parse().ok());
            Some((port.ident.to_string(), numbers.collect()))
        })
        .collect()
}

/// The numbers that the documentation of each case begins with: `Contract 2, 5: …`.
fn numbers_of_the_suite(folder: &Path, port: &str) -> BTreeSet<u32> {
    let name = snake_case(port);
    let mut files = files_below(&folder.join(&name));
    files.push(folder.join(name).with_extension("rs"));
    let mut numbers = BTreeSet::new();
    for file in files.iter().filter(|file| file.exists()) {
        for item in syn::parse_file(&fs::read_to_string(file).unwrap())
            .unwrap()
            .items
        {
            if let Item::Fn(case) = item
                && case.sig.asyncness.is_some()
                && matches!(case.vis, Visibility::Public(_))
                && let Some(first) = docs(&case.attrs).first()
            {
                numbers.extend(leading_numbers(
                    first.strip_prefix("Contract ").unwrap_or(first),
                ));
            }
        }
    }
    numbers
}

/// The numbers of `2, 5 and 7: …`.
fn leading_numbers(text: &str) -> Vec<u32> {
    let numbers = text.split([':', '.']).next().unwrap_or_default();
    numbers
        .split([' ', ','])
        .filter(|word| !word.is_empty() && *word != "and")
        .map_while(|word| word.parse().ok())
        .collect()
}

/// The lines of a documentation, without the blank that each begins with.
fn docs(attributes: &[Attribute]) -> Vec<String> {
    let texts = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value().trim().to_owned()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
    texts.collect()
}

/// All Rust files below a folder, which need not be there.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => files_below(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
