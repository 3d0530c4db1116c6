use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Stdio,
};

use lemon_tests::{PATIENCE, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    By, ChromiumLikeCapabilities, DesiredCapabilities, Key, LoggingPrefsLogLevel, WebDriver,
    WebElement, error::WebDriverResult,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{Mutex, MutexGuard},
};

/// What can be told of an element to somebody who cannot see it, and whether those who can can read it.
const AUDIT: &str = include_str!("audit.js");

/// Chromium takes as much of a small machine as it gets.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// How often chromedriver is started before a test gives it up.
const ATTEMPTS_TO_START: usize = 5;

/// The browser of a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// What they read: `en-US` or `ko-KR`.
    pub(crate) language: &'static str,
    /// A phone of 390x844 that is touched, or a window of 1280x900.
    pub(crate) is_phone: bool,
    /// They like it dark.
    pub(crate) is_dark: bool,
}

/// A headless Chromium with a profile of its own. Dropping it kills it.
pub(crate) struct Browser {
    driver: WebDriver,
    name: String,
    _processes: Processes,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// chromedriver, and Chromium, which it starts in its own process group.
struct Processes {
    chromedriver: Child,
}

impl Browser {
    /// Opens a page. `name` names the screenshots.
    pub(crate) async fn open(name: &str, look: Look, url: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let profile = TempDir::with_prefix("lemon-chromium-").unwrap();
        let (processes, port) = Processes::start(profile.path()).await;
        let server = format!("http://127.0.0.1:{port}");
        let wishes = wishes(look, profile.path()).unwrap();
        let driver = WebDriver::builder(server, wishes)
            .request_timeout(PATIENCE)
            .await
            .unwrap();
        // The session ends with the processes, also when a test panics.
        driver.clone().leak().unwrap();
        driver.goto(url).await.unwrap();
        Self {
            driver,
            name: name.to_owned(),
            _processes: processes,
            _profile: profile,
            _turn: turn,
        }
    }

    /// Goes to an address, or reloads the page.
    pub(crate) async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Where the browser is.
    pub(crate) async fn address(&self) -> String {
        self.driver.current_url().await.unwrap().to_string()
    }

    /// Clicks what is visible, or soon will be.
    pub(crate) async fn click(&self, css: &str) {
        self.visible(css).await.click().await.unwrap();
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        let keys = self.driver.action_chain().send_keys(key);
        keys.perform().await.unwrap();
    }

    /// Walks with the tabulator until the element of that id has the focus.
    pub(crate) async fn tab_to(&self, id: &str) {
        let mut passed = Vec::new();
        while passed.len() < 20 {
            self.press(Key::Tab).await;
            let focused = self.focused().await;
            if focused == id {
                return;
            }
            passed.push(focused);
        }
        panic!("the tabulator never comes to {id}: {passed:?}");
    }

    /// The id of what has the focus.
    pub(crate) async fn focused(&self) -> String {
        let id = self.ask("return document.activeElement.id").await;
        id.as_str().unwrap().to_owned()
    }

    /// Waits until the visible element says this.
    pub(crate) async fn read(&self, css: &str, text: &str) {
        wait_until(&format!("{css} says {text:?}"), async || {
            (self.text(css).await? == text).then_some(())
        })
        .await;
    }

    /// Waits until the visible element says something that the check likes, and answers it.
    pub(crate) async fn read_that(&self, css: &str, check: impl Fn(&str) -> bool) -> String {
        wait_until(&format!("{css} says the right thing"), async || {
            self.text(css).await.filter(|text| check(text))
        })
        .await
    }

    /// Waits until a script answers `true`.
    pub(crate) async fn until(&self, script: &str) {
        wait_until(script, async || {
            let answer = self.driver.execute(script, Vec::new()).await.ok()?;
            (*answer.json() == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// What a script answers.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        let answer = self.driver.execute(script, Vec::new()).await;
        answer.unwrap().json().clone()
    }

    /// Takes a screenshot, and fails unless everybody can use the page as it stands.
    pub(crate) async fn audit(&self, stage: &str) {
        let path = screenshots().join(format!("{}-{stage}.png", self.name));
        self.driver.screenshot(&path).await.unwrap();
        let faults = self.ask(AUDIT).await;
        assert_eq!(faults, json!([]), "{}", path.display());
    }

    /// What the browser has complained of since the last call: errors of scripts, the policy, answers of 400 and more.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        let serious = log.into_iter().filter(|entry| entry.level != "INFO");
        serious.map(|entry| entry.message).collect()
    }

    async fn visible(&self, css: &str) -> WebElement {
        wait_until(&format!("{css} is visible"), async || {
            let element = self.driver.find(By::Css(css)).await.ok()?;
            element.is_displayed().await.ok()?.then_some(element)
        })
        .await
    }

    /// The text of an element, `None` if it is not there or not visible.
    async fn text(&self, css: &str) -> Option<String> {
        let element = self.driver.find(By::Css(css)).await.ok()?;
        let is_displayed = element.is_displayed().await.ok()?;
        let text = element.text().await.ok()?;
        is_displayed.then_some(text)
    }
}

impl Processes {
    /// chromedriver finds a port that is free for IPv4, and ends if somebody else has the same one for IPv6. Another
    /// attempt finds another port.
    async fn start(home: &Path) -> (Self, u16) {
        let mut output = String::new();
        for _ in 0..ATTEMPTS_TO_START {
            match Self::attempt(home).await {
                Ok(started) => return started,
                Err(lines) => output.push_str(&lines),
            }
        }
        panic!("chromedriver ended {ATTEMPTS_TO_START} times before it listened: {output}");
    }

    /// # Errors
    /// What chromedriver printed, if it ends before it listens.
    async fn attempt(home: &Path) -> Result<(Self, u16), String> {
        let errors = home.join("chromedriver.stderr");
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn();
        let mut chromedriver = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!(
                "there is no chromedriver: install Debian's packages chromium, chromium-driver and fonts-noto-cjk"
            ),
            Err(error) => panic!("chromedriver does not start: {error}"),
        };
        let output = chromedriver.stdout.take().unwrap();
        let processes = Self { chromedriver };
        let mut lines = BufReader::new(output).lines();
        let mut printed = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return Ok((processes, port.trim_end_matches('.').parse().unwrap()));
            }
            printed.push_str(&line);
            printed.push('\n');
        }
        printed.push_str(&fs::read_to_string(errors).unwrap());
        Err(printed)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let id = self.chromedriver.id().and_then(|id| id.try_into().ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn wishes(look: Look, profile: &Path) -> WebDriverResult<impl Into<thirtyfour::Capabilities>> {
    let mut wishes = DesiredCapabilities::chrome();
    wishes.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    wishes.add_arg("--headless=new")?;
    // Root, as whom containers test, may not use it.
    wishes.add_arg("--no-sandbox")?;
    // A container's /dev/shm is small.
    wishes.add_arg("--disable-dev-shm-usage")?;
    wishes.add_arg("--no-proxy-server")?;
    wishes.add_arg("--window-size=1280,900")?;
    wishes.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    wishes.add_arg(&format!("--lang={}", look.language))?;
    wishes.add_experimental_option("prefs", json!({ "intl.accept_languages": look.language }))?;
    if look.is_dark {
        wishes.add_arg("--force-dark-mode")?;
    }
    if look.is_phone {
        let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true });
        wishes.add_experimental_option("mobileEmulation", json!({ "deviceMetrics": metrics }))?;
    }
    Ok(wishes)
}

fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
