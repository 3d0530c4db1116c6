use std::{
    env,
    io::{IsTerminal, stdin},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::{
    cargo::{cargo, run},
    docker,
};

/// A requirement of the tests, by the name of its Debian package.
struct Need {
    package: &'static str,
    is_there: fn() -> bool,
}

const BROWSER: [Need; 4] = [
    Need {
        package: "chromium",
        is_there: || on_path("chromium"),
    },
    Need {
        package: "chromium-driver",
        is_there: || on_path("chromedriver"),
    },
    Need {
        package: "fonts-noto-cjk",
        is_there: has_korean_font,
    },
    // The notification contains a lemon.
    Need {
        package: "fonts-noto-color-emoji",
        is_there: || has_font(":charset=1f34b"),
    },
];

/// The servers on which the adapters are tested.
const SERVICES: [Need; 2] = [
    Need {
        package: "postgresql",
        is_there: || on_path("postgres") || Path::new("/usr/lib/postgresql").is_dir(),
    },
    Need {
        package: "redis-server",
        is_there: || on_path("redis-server") || on_path("valkey-server"),
    },
];

/// The pooler, which is a program of this machine also before a PostgreSQL in a container.
const POOLER: [Need; 1] = [Need {
    package: "pgbouncer",
    is_there: || on_path("pgbouncer") || Path::new("/usr/sbin/pgbouncer").exists(),
}];

/// The tools that check `deploy/`; most others are in a Python environment.
const DEPLOY_TOOLS: [Need; 3] = [
    Need {
        package: "systemd",
        is_there: || on_path("systemd-analyze"),
    },
    // With it, actionlint reads the scripts of the workflows, too.
    Need {
        package: "shellcheck",
        is_there: || on_path("shellcheck"),
    },
    Need {
        package: "docker-compose",
        is_there: || docker::compose().is_ok(),
    },
];

/// Python, into whose environments LocalStack and what runs the guides are installed.
const PYTHON: [Need; 1] = [Need {
    package: "python3-venv",
    is_there: makes_python_environments,
}];

/// The tools that build images.
const IMAGE_TOOLS: [Need; 2] = [
    Need {
        package: "debootstrap",
        is_there: || Path::new("/usr/sbin/debootstrap").exists(),
    },
    Need {
        package: "ca-certificates",
        is_there: || Path::new("/etc/ssl/certs/ca-certificates.crt").exists(),
    },
];

/// Installs the browser that a test needs, if it is missing.
pub(crate) fn install_browser() -> anyhow::Result<()> {
    install_missing(&BROWSER, "or use --fast to leave out the test in a browser")
}

/// Installs the pooler, if it is missing.
pub(crate) fn install_pooler() -> anyhow::Result<()> {
    install_missing(&POOLER, "because no container has it")
}

/// Installs the servers that the tests start, if they are missing.
pub(crate) fn install_services() -> anyhow::Result<()> {
    install_missing(&SERVICES, "or use other servers with --services")
}

/// Installs the tools that check `deploy/`, if they are missing.
pub(crate) fn install_deploy_tools() -> anyhow::Result<()> {
    install_missing(&DEPLOY_TOOLS, "because they check what is in deploy/")
}

/// Installs Python, if it is missing or cannot make environments.
pub(crate) fn install_python() -> anyhow::Result<()> {
    install_missing(&PYTHON, "or another Python with venv")
}

/// Installs the tools that build images, if they are missing.
pub(crate) fn install_image_tools() -> anyhow::Result<()> {
    install_missing(&IMAGE_TOOLS, "or let the Docker engine pull the images")
}

fn install_missing(needs: &[Need], otherwise: &str) -> anyhow::Result<()> {
    let missing: Vec<_> = needs
        .iter()
        .filter(|need| !(need.is_there)())
        .map(|need| need.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing).with_context(|| {
        let packages = missing.join(" ");
        format!("these packages are missing: {packages}; install them, {otherwise}")
    })
}

/// Fails unless the toolchain can format and lint.
pub(crate) fn check_toolchain() -> anyhow::Result<()> {
    for component in ["fmt", "clippy"] {
        let mut version = cargo(&[component, "--version"]);
        run(version.stdout(Stdio::null())).context(
            "cargo fmt and cargo clippy are needed: `rustup component add rustfmt clippy`",
        )?;
    }
    Ok(())
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    if !on_path("apt-get") {
        bail!("this machine has no apt-get to install them");
    }
    update_packages()?;
    let install = [
        "apt-get",
        "--quiet",
        "--yes",
        "--no-install-recommends",
        "install",
    ];
    run(as_root()?.args(install).args(packages))
}

/// Reads the mirror's list of packages again.
pub(crate) fn update_packages() -> anyhow::Result<()> {
    run(as_root()?.args(["apt-get", "--quiet", "--quiet", "update"]))
}

/// A command that runs its arguments as root.
pub(crate) fn as_root() -> anyhow::Result<Command> {
    let id = Command::new("id").arg("--user").output()?;
    let mut command = if id.stdout.trim_ascii() == b"0" {
        Command::new("env")
    } else if on_path("sudo") {
        let mut sudo = Command::new("sudo");
        if !stdin().is_terminal() {
            sudo.arg("--non-interactive");
        }
        sudo.arg("env");
        sudo
    } else {
        bail!("only root or sudo can install them");
    };
    command
        .arg("DEBIAN_FRONTEND=noninteractive")
        .stdin(Stdio::null());
    Ok(command)
}

/// Tells whether a shell would find the program.
pub(crate) fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Debian's Python has the module even without the parts that make it work.
fn makes_python_environments() -> bool {
    let mut look = Command::new("python3");
    let look = look.args(["-c", "import ensurepip, venv"]).output();
    look.is_ok_and(|looked| looked.status.success())
}

/// Tells whether there is a font for a pattern of fontconfig.
fn has_font(pattern: &str) -> bool {
    let listed = Command::new("fc-list").arg(pattern).output();
    listed.is_ok_and(|fonts| !fonts.stdout.is_empty())
}

/// Without such a font, the screenshots of the Korean page show boxes.
fn has_korean_font() -> bool {
    has_font(":lang=ko")
        || Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").exists()
}
