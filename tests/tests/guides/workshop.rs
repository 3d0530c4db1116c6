use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The variable that names a Python environment with what the guides need, and the default, in the workspace.
const ENVIRONMENT: (&str, &str) = ("LEMON_TEST_GUIDES", "target/guides");

/// Lets the guides import the AWS SDK for JavaScript, which is on no registry that has Deno, too.
const IMPORTS: &str = r#"{ "imports": { "@aws-sdk/client-sqs": "./client-sqs.ts" } }"#;

/// A folder in which the programs of a page are run.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// Puts these programs of a page of `docs/` into a new folder.
    pub(crate) fn of(page: &str, programs: &[&str]) -> Self {
        let text = fs::read_to_string(format!("{ROOT}/docs/{page}")).unwrap();
        let workshop = Self {
            folder: TempDir::with_prefix("lemon-guide-").unwrap(),
        };
        for name in programs {
            workshop.put(name, program(&text, name));
        }
        workshop.put("deno.json", IMPORTS);
        workshop
    }

    /// Puts a file beside the programs.
    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The path of a file or folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Python in the folder.
    pub(crate) fn python(&self) -> Command {
        self.tool("python")
    }

    /// Deno in the folder: it fetches nothing, and keeps nothing outside.
    pub(crate) fn deno(&self, subcommand: &str) -> Command {
        let mut deno = self.tool("deno");
        deno.args([subcommand, "--no-remote", "--no-npm"])
            .env("DENO_DIR", self.path("deno-dir"))
            .env("DENO_NO_UPDATE_CHECK", "1")
            .env("NO_COLOR", "1");
        deno
    }

    /// Checks the types of TypeScript files.
    pub(crate) async fn check(&self, files: &[&str]) -> Output {
        self.deno("check").args(files).output().await.unwrap()
    }

    fn tool(&self, name: &str) -> Command {
        let mut tool = Command::new(tools().join("bin").join(name));
        tool.current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        tool
    }
}

/// What a process printed, which must have succeeded.
#[track_caller]
pub(crate) fn printed(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let failure = text(&output.stderr);
    assert!(output.status.success(), "{}\n{failure}", output.status);
    text(&output.stdout)
}

/// The block of code that begins with the name of its file.
fn program<'a>(page: &'a str, name: &str) -> &'a str {
    let blocks = page.split("\n```").skip(1).step_by(2);
    let mut named = blocks.filter_map(|block| {
        let (info, text) = block.split_once('\n')?;
        (info.split_whitespace().nth(1) == Some(name)).then_some(text)
    });
    match (named.next(), named.next()) {
        (Some(program), None) => program,
        (None, _) => panic!("the page has no program {name}"),
        (Some(_), Some(_)) => panic!("the page has two programs {name}"),
    }
}

fn tools() -> PathBuf {
    let (variable, otherwise) = ENVIRONMENT;
    let folder =
        env::var_os(variable).map_or_else(|| Path::new(ROOT).join(otherwise), PathBuf::from);
    let tools = ["python", "deno"].map(|name| folder.join("bin").join(name));
    let are_there = tools.iter().all(|tool| tool.is_file());
    let folder_name = folder.display();
    assert!(
        are_there,
        "there is no Python with Deno in {folder_name}; `cargo xtask test` makes it, {variable} names another"
    );
    folder
}
