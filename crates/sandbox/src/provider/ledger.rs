use std::{
    collections::{HashMap, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use lemon_system::files::{create_private, make_private_folder};
use serde::{Deserialize, Serialize};

use crate::{error::SandboxError, people::Person};

const FILE: &str = "sandbox-twitter.jsonl";
/// The ids of posts start here, after those of all made-up ones.
const FIRST_ID: i64 = 1_900_000_000_000_000_000;
/// Above this number, the oldest are dropped.
const MOST_POSTS: usize = 20_000;

/// A post that was sent through the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Post {
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) text: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LedgerEntry {
    Post(Post),
    Revoked { user_id: i64, times: u32 },
}

/// The state that survives restarts: posts, and the number of each person's revocations.
///
/// It is in memory, and in an append-only file of JSON lines if there is a folder. At the start the file is read, and
/// rewritten without obsolete lines. Lines are short and rare, so they are written synchronously.
#[derive(Default)]
pub(super) struct PostLedger {
    posts: VecDeque<Post>,
    revocations: HashMap<i64, u32>,
    file: Option<File>,
}

impl PostLedger {
    pub(super) fn open(dir: Option<PathBuf>) -> Result<Self, SandboxError> {
        let mut ledger = Self::default();
        if let Some(dir) = dir {
            let path = dir.join(FILE);
            ledger
                .open_file(&path)
                .map_err(|source| SandboxError::State { path, source })?;
        }
        Ok(ledger)
    }

    fn open_file(&mut self, path: &Path) -> io::Result<()> {
        if let Some(dir) = path.parent() {
            make_private_folder(dir)?;
        }
        let content = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            content => content?,
        };
        for line in content
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            match serde_json::from_slice(line) {
                Ok(entry) => self.take_in(entry),
                // A crash while a line is written leaves part of it.
                Err(_) => {
                    tracing::warn!(
                        "a line of the sandbox's file cannot be read, so it is left out"
                    );
                }
            }
        }
        let fresh = path.with_extension("new");
        // One that a crash has left may have other rights.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        create_private(&fresh)?.write_all(&self.lines()?)?;
        fs::rename(&fresh, path)?;
        self.file = Some(OpenOptions::new().append(true).open(path)?);
        Ok(())
    }

    fn take_in(&mut self, entry: LedgerEntry) {
        match entry {
            LedgerEntry::Post(post) => {
                if self.posts.len() >= MOST_POSTS {
                    self.posts.pop_front();
                }
                self.posts.push_back(post);
            }
            LedgerEntry::Revoked { user_id, times } => {
                self.revocations.insert(user_id, times);
            }
        }
    }

    fn lines(&self) -> io::Result<Vec<u8>> {
        let revoked = self
            .revocations
            .iter()
            .map(|(&user_id, &times)| LedgerEntry::Revoked { user_id, times });
        let mut lines = Vec::new();
        for entry in self
            .posts
            .iter()
            .cloned()
            .map(LedgerEntry::Post)
            .chain(revoked)
        {
            lines.append(&mut line(&entry)?);
        }
        Ok(lines)
    }

    /// Stores a post; `None` if the person posted the same text before.
    pub(super) fn post(&mut self, person: Person, text: &str, at: DateTime<Utc>) -> Option<Post> {
        if self.posts(Some(person)).any(|post| post.text == text) {
            return None;
        }
        let post = Post {
            id: self.posts.back().map_or(FIRST_ID, |last| last.id + 1),
            user_id: person.user_id(),
            text: text.to_owned(),
            created_at: at,
        };
        self.record(LedgerEntry::Post(post.clone()));
        Some(post)
    }

    pub(super) fn revoke(&mut self, person: Person) {
        self.record(LedgerEntry::Revoked {
            user_id: person.user_id(),
            times: self.generation(person) + 1,
        });
    }

    /// How often the person's access was revoked.
    pub(super) fn generation(&self, person: Person) -> u32 {
        let times = self.revocations.get(&person.user_id());
        times.copied().unwrap_or_default()
    }

    /// Newest first.
    pub(super) fn posts(&self, by: Option<Person>) -> impl Iterator<Item = &Post> {
        let by = by.map(Person::user_id);
        self.posts
            .iter()
            .rev()
            .filter(move |post| by.is_none_or(|id| post.user_id == id))
    }

    fn record(&mut self, entry: LedgerEntry) {
        if let Some(file) = &mut self.file {
            let written = line(&entry).and_then(|line| file.write_all(&line));
            if let Err(error) = written {
                tracing::warn!(%error, "the sandbox cannot write its file: this change will be lost at a restart");
            }
        }
        self.take_in(entry);
    }
}

fn line(entry: &LedgerEntry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u32) -> Person {
        Person::new(number).unwrap()
    }

    fn post(ledger: &mut PostLedger, number: u32, text: &str) -> Option<Post> {
        ledger.post(person(number), text, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn all_data_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || PostLedger::open(Some(dir.path().join("deep"))).unwrap();
        let mut before = open();
        let first = post(&mut before, 1, "하나\n둘").unwrap();
        let second = post(&mut before, 2, "two").unwrap();
        before.revoke(person(1));
        before.revoke(person(1));
        drop(before);

        for _ in 0..2 {
            let mut after = open();
            let posts: Vec<&Post> = after.posts(None).collect();
            assert_eq!(posts, [&second, &first]);
            assert_eq!(after.generation(person(1)), 2);
            assert_eq!(after.generation(person(2)), 0);
            assert_eq!(post(&mut after, 2, "two"), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_what_people_have_posted() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let (deep, open_to_all) = (dir.path().join("deep"), fs::Permissions::from_mode(0o644));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for _ in 0..2 {
            post(&mut PostLedger::open(Some(deep.clone())).unwrap(), 1, "one");
            assert_eq!((mode(&deep), mode(&deep.join(FILE))), (0o700, 0o600));
            // As an earlier version has left it, and as a crash has.
            fs::set_permissions(deep.join(FILE), open_to_all.clone()).unwrap();
            fs::write(deep.join(FILE).with_extension("new"), "").unwrap();
        }
    }

    #[test]
    fn an_incomplete_line_is_left_out_and_affects_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let open = || PostLedger::open(Some(dir.path().to_owned())).unwrap();
        post(&mut open(), 1, "one");
        let mut file = OpenOptions::new()
            .append(true)
            .open(dir.path().join(FILE))
            .unwrap();
        file.write_all(b"{\"post\":{\"id\":19").unwrap();
        post(&mut open(), 1, "two");
        let after = open();
        let texts: Vec<&str> = after.posts(None).map(|post| post.text.as_str()).collect();
        assert_eq!(texts, ["two", "one"]);
    }

    #[test]
    fn numbers_grow_and_only_the_newest_are_kept() {
        let mut ledger = PostLedger::default();
        for n in 0..=MOST_POSTS {
            let number = u32::try_from(n).unwrap() + 1;
            post(&mut ledger, number, "hello").unwrap();
        }
        assert_eq!(ledger.posts(None).count(), MOST_POSTS);
        assert!(
            ledger
                .posts(None)
                .is_sorted_by(|newer, older| newer.id > older.id)
        );
        assert_eq!(ledger.posts(Some(person(1))).count(), 0);
    }
}
