use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use lemon_system::files::{create_private, make_private_folder};
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
        let file = data_dir.join(FILE);
        match fs::read(&file) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{FILE} cannot be read at line {}", error.line()),
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(data_dir)?;
                Self::of(data_dir)
            }
            Err(error) => Err(error),
        }
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

    #[test]
    fn a_spoilt_file_is_an_error_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"jwt_secret\": hush}").unwrap();
        let error = Keys::of(folder.path()).err().unwrap().to_string();
        assert!(error.contains(FILE) && !error.contains("hush"), "{error}");
    }
}
