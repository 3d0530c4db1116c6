use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use lemon_system::files::{create_private, make_private, make_private_folder};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The file in the data folder.
const FILE: &str = "keys.json";

/// Keys that a single machine makes on its first run.
#[derive(Deserialize)]
pub(super) struct Keys {
    pub(super) jwt_secret: SecretString,
    pub(super) sealing_key: SecretString,
    pub(super) sandbox_consumer_secret: SecretString,
    pub(super) sandbox_token_key: SecretString,
}

#[derive(Serialize)]
struct NewKeys {
    jwt_secret: String,
    sealing_key: String,
    sandbox_consumer_secret: String,
    sandbox_token_key: String,
}

impl Keys {
    /// Reads the keys of a data folder; the first time, it makes the folder (0700) and the keys (0600).
    pub(super) fn of(data_dir: &Path) -> io::Result<Self> {
        make_private_folder(data_dir)?;
        if let Some(keys) = Self::in_folder(data_dir)? {
            return Ok(keys);
        }
        Self::make(data_dir)?;
        Self::of(data_dir)
    }

    /// Reads the keys of a data folder, if it has any. Others lose the right to read them.
    pub(super) fn in_folder(data_dir: &Path) -> io::Result<Option<Self>> {
        let file = data_dir.join(FILE);
        let content = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            content => content?,
        };
        make_private(&file)?;
        let keys = serde_json::from_slice(&content).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{FILE} cannot be read at line {}", error.line()),
            )
        })?;
        Ok(Some(keys))
    }

    /// Writes new keys, completely or not at all. If two first runs race, both use the keys of one of them.
    fn make(data_dir: &Path) -> io::Result<()> {
        let keys = NewKeys {
            jwt_secret: random::<64>()?,
            sealing_key: format!("k1:{}", random::<32>()?),
            sandbox_consumer_secret: random::<32>()?,
            sandbox_token_key: random::<32>()?,
        };
        // Processes in containers may have one number.
        let draft = data_dir.join(format!("{FILE}.{:016x}", random_number()?));
        let mut file = create_private(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(&keys)?)?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, data_dir.join(FILE));
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes the keys of a data folder that has none.
pub(in crate::app) fn make_keys(data_dir: &Path) -> anyhow::Result<()> {
    let keys = Keys::of(data_dir);
    keys.with_context(|| format!("the data folder {} cannot be used", data_dir.display()))?;
    Ok(())
}

/// The sealing key that the data folder has, if a run with the sandbox has made one.
pub(in crate::app) fn sealing_key_in(data_dir: &Path) -> anyhow::Result<Option<SecretString>> {
    let keys = Keys::in_folder(data_dir);
    let keys =
        keys.with_context(|| format!("the data folder {} cannot be used", data_dir.display()))?;
    Ok(keys.map(|keys| keys.sealing_key))
}

/// `N` random bytes, in Base64.
fn random<const N: usize>() -> io::Result<String> {
    Ok(BASE64_STANDARD.encode(random_bytes::<N>()?))
}

fn random_number() -> io::Result<u64> {
    Ok(u64::from_ne_bytes(random_bytes()?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "keys are made here, once, from the operating system's randomness"
)]
fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("a/b");
        let first = Keys::of(&data_dir).unwrap();
        let second = Keys::of(&data_dir).unwrap();
        assert_eq!(
            first.jwt_secret.expose_secret(),
            second.jwt_secret.expose_secret()
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data_dir.join(FILE)), 0o600);
        assert_eq!(mode(&data_dir), 0o700);
        assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 1);
    }

    #[test]
    fn two_folders_have_different_keys() {
        let folder = tempfile::tempdir().unwrap();
        let one = Keys::of(&folder.path().join("one")).unwrap();
        let two = Keys::of(&folder.path().join("two")).unwrap();
        assert_ne!(
            one.sealing_key.expose_secret(),
            two.sealing_key.expose_secret()
        );
    }

    #[cfg(unix)]
    #[test]
    fn keys_that_others_can_read_become_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        Keys::of(folder.path()).unwrap();
        let file = folder.path().join(FILE);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        Keys::of(folder.path()).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_spoilt_file_is_an_error_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"jwt_secret\": hush}").unwrap();
        let error = Keys::of(folder.path()).err().unwrap().to_string();
        assert!(error.contains(FILE) && !error.contains("hush"), "{error}");
    }
}
