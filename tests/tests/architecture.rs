//! Dependencies point inwards: adapters see the domain and never one another, the domain sees nothing, and only the
//! server sees all.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use lemon_tests::cargo;

/// What is there for tests alone, and does without the servers that some tests need.
const LIGHT: [&str; 2] = ["lemon-contracts", "lemon-fakes"];

/// What servers bring along.
const OF_SERVERS: [&str; 4] = [
    "sea-orm",
    "tempfile",
    "testcontainers",
    "testcontainers-modules",
];

/// What the domain does without: runtimes, networks, databases, the environment.
const OUTSIDE: [&str; 18] = [
    "actix-rt",
    "actix-web",
    "async-std",
    "aws-config",
    "aws-sdk-sqs",
    "config",
    "fred",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "sea-orm",
    "smol",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tokio",
];

#[test]
fn dependencies_point_inwards() {
    let graph = Graph::of_the_workspace();
    assert!(graph.0.contains(&edge("lemon-server", "lemon-domain")));
    assert!(graph.reaches("lemon-domain").contains("chrono"));
    assert_eq!(graph.violations(), [""; 0]);
}

#[test]
fn an_edge_that_points_outwards_is_a_violation() {
    let outwards = [
        edge("lemon-domain", "lemon-postgres"),
        edge("lemon-domain", "lemon-fakes"),
        edge("lemon-migrations", "lemon-domain"),
        edge("lemon-embedded", "lemon-migrations"),
        edge("lemon-postgres", "lemon-embedded"),
        edge("lemon-http", "lemon-postgres"),
        edge("lemon-worker", "lemon-embedded"),
        edge("lemon-redis", "lemon-system"),
        edge("lemon-batching", "lemon-domain"),
        edge("lemon-sqs", "lemon-batching"),
        edge("lemon-consumer", "lemon-embedded"),
        edge("lemon-consumer", "lemon-worker"),
        edge("lemon-sqs", "lemon-consumer"),
        edge("lemon-sandbox", "lemon-twitter"),
        edge("lemon-page", "lemon-domain"),
        edge("lemon-sandbox", "lemon-page"),
        edge("lemon-contracts", "lemon-fakes"),
        edge("lemon-fakes", "lemon-contracts"),
        edge("lemon-fakes", "lemon-embedded"),
        edge("lemon-test-servers", "lemon-domain"),
        edge("lemon-server", "lemon-fakes"),
        dev_edge("lemon-contracts", "lemon-test-servers"),
        edge("lemon-http", "lemon-server"),
        edge("lemon-tests", "lemon-server"),
        edge("lemon-connections", "lemon-http"),
        edge("lemon-worker", "lemon-connections"),
        edge("lemon-worker", "lemon-simulation"),
        edge("lemon-simulation", "lemon-postgres"),
        edge("lemon-redis", "lemon-differential"),
        edge("lemon-http", "lemon-parsing"),
        edge("lemon-simulation", "lemon-test-servers"),
        dev_edge("lemon-embedded", "lemon-postgres"),
        edge("lemon-to-come", "lemon-postgres"),
    ];
    for edge in outwards {
        let graph = Graph([edge].into());
        assert_eq!(graph.violations().len(), 1, "{graph:?}");
    }
}

#[test]
fn an_edge_that_points_inwards_is_no_violation() {
    let inwards = [
        edge("lemon-postgres", "lemon-domain"),
        edge("lemon-postgres", "lemon-migrations"),
        edge("lemon-embedded", "lemon-system"),
        edge("lemon-redis", "lemon-batching"),
        edge("lemon-sandbox", "lemon-connections"),
        edge("lemon-sandbox", "lemon-consumer"),
        edge("lemon-worker", "lemon-consumer"),
        dev_edge("lemon-consumer", "lemon-sqs"),
        edge("lemon-to-come", "lemon-domain"),
        edge("lemon-server", "lemon-postgres"),
        edge("lemon-tests", "lemon-test-servers"),
        edge("lemon-contracts", "lemon-domain"),
        edge("lemon-simulation", "lemon-worker"),
        dev_edge("lemon-differential", "lemon-redis"),
        edge("lemon-parsing", "lemon-twitter"),
        edge("lemon-simulation", "lemon-fakes"),
        edge("lemon-fakes", "lemon-domain"),
        dev_edge("lemon-contracts", "lemon-fakes"),
        dev_edge("lemon-fakes", "lemon-contracts"),
        dev_edge("lemon-redis", "lemon-test-servers"),
        edge("lemon-postgres", "tokio"),
        dev_edge("lemon-domain", "tokio"),
        dev_edge("lemon-domain", "lemon-fakes"),
        dev_edge("lemon-domain", "lemon-domain"),
        dev_edge("lemon-sandbox", "lemon-twitter"),
    ];
    assert_eq!(Graph(inwards.into()).violations(), [""; 0]);
}

#[test]
fn a_domain_that_reaches_the_outside_through_others_is_a_violation() {
    for outside in OUTSIDE {
        let graph = Graph([edge("lemon-domain", "between"), edge("between", outside)].into());
        let violations = graph.violations();
        assert_eq!(
            violations,
            [format!("lemon-domain must not reach {outside}")]
        );
    }
}

#[test]
fn a_fake_that_brings_a_server_along_is_a_violation() {
    for server in OF_SERVERS {
        let graph = Graph([edge("lemon-fakes", "between"), edge("between", server)].into());
        let expected = format!("lemon-fakes must not reach {server}");
        assert_eq!(graph.violations(), [expected]);
    }
}

#[test]
fn only_tests_build_mocks() {
    let workspace = |edges| crates_in(&["--workspace", "--edges", edges]);
    assert!(workspace("normal,build,dev").contains("mockall"));
    assert!(!workspace("normal,build").contains("mockall"));
}

#[test]
fn a_program_without_the_sandbox_has_nothing_of_it() {
    let of_sandbox = ["lemon-sandbox", "lemon-page", "maud"];
    let server = ["--package", "lemon-server", "--edges", "normal,build"];
    let with = crates_in(&server);
    let without = crates_in(&[&server[..], &["--no-default-features"]].concat());
    assert!(without.contains("lemon-http"));
    for name in of_sandbox {
        assert!(with.contains(name), "{name}");
        assert!(!without.contains(name), "{name}");
    }
}

/// The crates that `cargo tree` lists for a selection, with the features that it turns on.
fn crates_in(selection: &[&str]) -> BTreeSet<String> {
    let tree = cargo()
        .args(["tree", "--offline", "--prefix=none"])
        .args(selection)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let listed = String::from_utf8(tree.stdout).unwrap();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    names.map(ToOwned::to_owned).collect()
}

/// Clippy proves that no newer part of the standard library is used.
#[test]
fn a_published_crate_asks_for_no_newer_rust_than_its_dependencies() {
    let metadata = metadata();
    let graph = Graph::of(&metadata);
    let oldest = |package: &Package| package.rust_version.clone();
    let versions: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (package.name.as_str(), oldest(package)))
        .collect();
    let published = metadata.workspace_packages().into_iter();
    let published: Vec<_> = published.filter(|it| it.publish.is_none()).collect();
    assert!(published.len() > 15, "{} are published", published.len());
    for package in published {
        let needed = graph.reaches(package.name.as_str()).into_iter();
        let of_others = needed.filter(|name| !name.starts_with("lemon-"));
        let newest = of_others.filter_map(|name| versions[name].clone()).max();
        assert_eq!(oldest(package), newest, "{}", package.name);
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        // Other platforms' crates need not be at hand.
        .other_options(["--filter-platform", "host-tuple"].map(Into::into).to_vec())
        .exec()
        .unwrap()
}

/// Who depends on whom.
#[derive(Debug)]
struct Graph(BTreeSet<Edge>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: String,
    to: String,
    /// Needed by tests, examples and benches only.
    dev: bool,
}

impl Graph {
    fn of_the_workspace() -> Self {
        Self::of(&metadata())
    }

    fn of(metadata: &Metadata) -> Self {
        let name = |id: &PackageId| metadata[id].name.to_string();
        let mut edges = BTreeSet::new();
        for node in &metadata.resolve.as_ref().unwrap().nodes {
            for dependency in &node.deps {
                edges.extend(dependency.dep_kinds.iter().map(|kind| Edge {
                    from: name(&node.id),
                    to: name(&dependency.pkg),
                    dev: kind.kind == DependencyKind::Development,
                }));
            }
        }
        Self(edges)
    }

    fn violations(&self) -> Vec<String> {
        let outwards = self.0.iter().filter(|edge| !edge.is_allowed());
        outwards
            .map(|edge| format!("{} must not see {}", edge.from, edge.to))
            .chain(self.forbidden("lemon-domain", &OUTSIDE))
            .chain(
                LIGHT
                    .iter()
                    .flat_map(|from| self.forbidden(from, &OF_SERVERS)),
            )
            .collect()
    }

    /// Which of these a package reaches, and must not.
    fn forbidden(&self, from: &str, names: &[&str]) -> Vec<String> {
        let reached = self.reaches(from);
        let reached = names.iter().filter(|name| reached.contains(**name));
        reached
            .map(|name| format!("{from} must not reach {name}"))
            .collect()
    }

    /// All that a package needs outside of its tests, over any number of steps.
    fn reaches<'a>(&'a self, start: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(from) = open.pop() {
            let needed = self.0.iter().filter(|edge| edge.from == from && !edge.dev);
            open.extend(
                needed
                    .map(|edge| edge.to.as_str())
                    .filter(|to| reached.insert(*to)),
            );
        }
        reached
    }
}

impl Edge {
    fn is_allowed(&self) -> bool {
        let ours = [&self.from, &self.to].map(|name| name.strip_prefix("lemon-"));
        let [Some(from), Some(to)] = ours else {
            return true;
        };
        match (from, to) {
            // A package's own tests can turn its features on.
            _ if from == to => self.dev,
            (_, "server" | "tests" | "xtask" | "simulation" | "differential" | "parsing")
            | ("contracts" | "fakes", "test-servers") => false,
            // The simulation is a test that needs no server: what adapters do is seen elsewhere.
            ("tests" | "xtask" | "differential" | "parsing", _)
            | ("http" | "sandbox", "connections")
            | ("simulation", "fakes" | "consumer" | "worker") => true,
            // The sandbox and the client are each other's proof: two implementations of one signature.
            // The queue engine is tried on the queues that it may consume.
            (_, "contracts" | "fakes" | "test-servers")
            | ("twitter", "sandbox")
            | ("sandbox", "twitter")
            | ("consumer", "embedded" | "sqs") => self.dev,
            ("domain" | "migrations" | "batching" | "connections" | "page" | "test-servers", _) => {
                false
            }
            ("server", _)
            | (_, "domain")
            | ("postgres", "migrations")
            | ("postgres" | "embedded" | "sandbox", "system")
            | ("postgres" | "redis", "batching")
            | ("worker" | "sandbox", "consumer") => true,
            // For examples.
            (_, "system") => self.dev,
            _ => false,
        }
    }
}

fn edge(from: &str, to: &str) -> Edge {
    Edge {
        from: from.into(),
        to: to.into(),
        dev: false,
    }
}

fn dev_edge(from: &str, to: &str) -> Edge {
    Edge {
        dev: true,
        ..edge(from, to)
    }
}
