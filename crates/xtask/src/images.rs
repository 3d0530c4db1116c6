use std::{env, fs, path::Path, process::Command, thread};

use anyhow::{Context, bail, ensure};

use crate::{
    cargo::run,
    docker::{self, can_have_image, check_engine, has_image},
    machine,
    steps::Steps,
};

/// The base of the other images.
const BASE: &str = "lemon-test/debian";

/// The folder of the images' descriptions, with a folder for each.
const DESCRIPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/images");

/// The folder of the build contexts.
const CONTEXTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images");

/// A server's image.
struct Image {
    /// The name; its stand-in is `lemon-test/` followed by it.
    name: &'static str,
    /// The image that `lemon-test-servers` gets from a registry.
    original: &'static str,
    /// The variable in which a user names another image.
    variable: &'static str,
}

const IMAGES: [Image; 3] = [
    Image {
        name: "postgres",
        original: "postgres:18-alpine",
        variable: "LEMON_TEST_POSTGRES_IMAGE",
    },
    Image {
        name: "redis",
        original: "redis:8-alpine",
        variable: "LEMON_TEST_REDIS_IMAGE",
    },
    Image {
        name: "localstack",
        original: "localstack/localstack:4.13",
        variable: "LEMON_TEST_LOCALSTACK_IMAGE",
    },
];

impl Image {
    fn stand_in(&self) -> String {
        format!("lemon-test/{}", self.name)
    }

    /// Tells whether the tests find one.
    fn is_there(&self) -> bool {
        env::var_os(self.variable).is_some()
            || has_image(&self.stand_in())
            || can_have_image(self.original)
    }
}

/// Builds stand-ins for the images of PostgreSQL, Redis and LocalStack.
pub(crate) fn build(steps: &mut Steps) -> anyhow::Result<()> {
    check_engine()?;
    machine::install_image_tools()?;
    steps.run("images", |_| build_all());
    Ok(())
}

/// Builds the stand-ins, unless for each server the image or its stand-in exists or can be pulled.
pub(crate) fn build_what_is_missing() -> anyhow::Result<()> {
    if IMAGES.iter().all(Image::is_there) {
        return Ok(());
    }
    println!("some images are missing and cannot be pulled: building stand-ins");
    machine::install_image_tools()?;
    build_all()
}

fn build_all() -> anyhow::Result<()> {
    if !has_image(BASE) {
        build_base()?;
    }
    let builds: Vec<_> = IMAGES
        .iter()
        .map(|image| thread::spawn(|| build_one(image)))
        .collect();
    let built: Vec<_> = builds.into_iter().map(thread::JoinHandle::join).collect();
    for outcome in built {
        let Ok(outcome) = outcome else {
            bail!("a build ended early");
        };
        println!("{} is built", outcome?);
    }
    Ok(())
}

/// Builds the base: this machine's release, from this machine's mirror.
fn build_base() -> anyhow::Result<()> {
    let release = release()?;
    let mirror = mirror(&release)?;
    println!("{BASE}: {release}");
    let script = format!("{DESCRIPTIONS}/debian");
    run(machine::as_root()?.args([&*script, &release, &mirror, BASE]))
}

/// The base for a program that was built on this machine: it has this machine's C library.
pub(crate) fn runtime() -> anyhow::Result<String> {
    if has_image(BASE) {
        return Ok(BASE.to_owned());
    }
    Ok(format!("debian:{}-slim", release()?))
}

/// The variables with which Compose takes the stand-ins of what cannot be had.
pub(crate) fn stand_ins() -> Vec<(&'static str, String)> {
    let missing = IMAGES.iter().filter(|image| !has_image(image.original));
    let there = missing.filter(|image| has_image(&image.stand_in()));
    let named = there.map(|image| {
        let variable = image.variable.trim_start_matches("LEMON_TEST_");
        (variable, image.stand_in())
    });
    named.collect()
}

/// The name of this machine's release of Debian.
fn release() -> anyhow::Result<String> {
    let os = fs::read_to_string("/etc/os-release")?;
    let mut lines = os.lines();
    let release = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let release = release.context("/etc/os-release names no release")?;
    Ok(release.to_owned())
}

/// The mirror from which apt gets the main packages of a release.
fn mirror(release: &str) -> anyhow::Result<String> {
    let listed = Command::new("apt-get")
        .args(["indextargets", "--format"])
        .args([
            "$(CODENAME) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages",
        ])
        .output()
        .context("the images are made from Debian packages, but this machine has no apt-get")?;
    let listed = String::from_utf8(listed.stdout)?;
    listed
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{release} main ")))
        .map(ToOwned::to_owned)
        .with_context(|| format!("apt has no source for the main packages of {release}"))
}

/// Builds one image, unless it is up to date; answers its name.
fn build_one(image: &Image) -> anyhow::Result<String> {
    let context = Path::new(CONTEXTS).join(image.name);
    fs::create_dir_all(&context)?;
    for file in fs::read_dir(Path::new(DESCRIPTIONS).join(image.name))? {
        let file = file?;
        fs::copy(file.path(), context.join(file.file_name()))?;
    }
    // A machine behind a proxy may trust its own root certificates; an installation in the image must trust them too.
    fs::copy(roots(), context.join("roots.pem"))
        .context("this machine has no trusted root certificates")?;
    let name = image.stand_in();
    let mut build = docker::build(&name);
    for variable in ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"] {
        if image.name == "localstack" && env::var_os(variable).is_some() {
            build.args(["--build-arg", variable]);
        }
    }
    let done = build.arg(context).output()?;
    ensure!(
        done.status.success(),
        "{name} cannot be built:\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(name)
}

/// The file with the certificates that this machine trusts.
fn roots() -> std::ffi::OsString {
    let named = ["PIP_CERT", "SSL_CERT_FILE"].iter().find_map(env::var_os);
    named.unwrap_or_else(|| "/etc/ssl/certs/ca-certificates.crt".into())
}
