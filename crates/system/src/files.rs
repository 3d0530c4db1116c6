//! Files and folders that only their owner can read, for people's data and keys.
//!
//! One rule for all of them: what is made is for its owner alone (0600, folders 0700), and an existing file becomes so. What
//! cannot become so, because it belongs to somebody else, is refused if everybody can read it. In an existing folder, which
//! may hold other things, everybody must not be able to replace files; apart from that it stays as it is.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

/// Makes a file that only its owner can read (0600), or restricts an existing one. Its content stays as it is.
///
/// An existing file is not opened: closing it again would release this process' locks on it, for example those of a SQLite database:
/// <https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>.
///
/// # Errors
/// If it cannot be made or restricted, or is a folder.
pub fn make_private(path: &Path) -> io::Result<()> {
    match create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if there.is_file() => restrict(path, &there),
            // A device, which is not ours to change.
            Ok(_) => Ok(()),
            // A link to a file that is still to be made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private(OpenOptions::new().create(true))
                    .open(path)
                    .map(drop)
            }
            Err(error) => Err(error),
        },
        made => made.map(drop),
    }
}

/// Makes the file of a SQLite database, or restricts an existing one, as [`make_private`] does, with the files that SQLite has
/// beside it: they contain the same data.
///
/// # Errors
/// As [`make_private`].
pub fn make_private_database(path: &Path) -> io::Result<()> {
    make_private(path)?;
    // SQLite has them beside the real file, also if the path is a link.
    let path = path.canonicalize()?;
    for end in ["-wal", "-shm", "-journal"] {
        let mut beside = OsString::from(&path);
        beside.push(end);
        match fs::metadata(&beside) {
            Ok(there) if there.is_file() => restrict(Path::new(&beside), &there)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a new file that only its owner can read (0600).
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the file exists; or if it cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().create_new(true)).open(path)
}

/// Makes files for their owner alone.
fn private(options: &mut OpenOptions) -> &OpenOptions {
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a folder that only its owner can read (0700), and its parents, unless they exist.
///
/// # Errors
/// If it cannot be made, or exists and everybody may replace the files in it.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    check_folder(&fs::metadata(path)?)
}

#[cfg(unix)]
fn check_folder(there: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    // With the sticky bit, only the owner of a file can replace it.
    let mode = there.permissions().mode();
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let fault = "everybody may replace the files in this folder (it has the mode of o+w)";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, fault));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_folder(_there: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Takes the rights of others away, if they have any. A file of another owner stays as that one has it, unless everybody can
/// read or write it.
#[cfg(unix)]
fn restrict(path: &Path, there: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = there.permissions().mode() & 0o777;
    let of_the_owner = mode & 0o700;
    if mode == of_the_owner {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(of_the_owner)) {
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied && mode.is_multiple_of(0o10) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _there: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_and_folders_belong_to_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, file) = (folder.path().join("a/b"), folder.path().join("a/b/file"));
        make_private_folder(&inner).unwrap();
        make_private_folder(&inner).unwrap();
        make_private(&file).unwrap();
        assert_eq!((mode(&inner), mode(&file)), (0o700, 0o600));
        let again = create_private(&file).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert!(make_private(&inner).is_err());
    }

    #[test]
    fn a_file_that_others_can_read_is_restricted_and_keeps_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "kept").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        make_private(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    }

    #[test]
    fn only_the_rights_of_others_are_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        make_private(&file).unwrap();
        assert_eq!(mode(&file), 0o400);
    }

    #[test]
    fn the_files_beside_a_database_are_restricted_too() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.db"), folder.path().join("link.db"));
        let all: Vec<_> = ["real.db", "real.db-wal", "real.db-shm", "real.db-journal"]
            .map(|name| folder.path().join(name))
            .into();
        for path in &all {
            fs::write(path, "kept").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o664)).unwrap();
        }
        std::os::unix::fs::symlink(&file, &link).unwrap();
        make_private_database(&link).unwrap();
        for path in &all {
            assert_eq!(mode(path), 0o600, "{}", path.display());
            assert_eq!(fs::read_to_string(path).unwrap(), "kept");
        }
        let fresh = folder.path().join("fresh.db");
        make_private_database(&fresh).unwrap();
        assert_eq!(mode(&fresh), 0o600);
    }

    #[test]
    fn a_folder_in_which_everybody_may_replace_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, is_fine) in [
            (0o777, false),
            (0o703, false),
            (0o1777, true),
            (0o775, true),
            (0o755, true),
        ] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let outcome = make_private_folder(folder.path());
            assert_eq!(outcome.is_ok(), is_fine, "{mode:o}: {outcome:?}");
        }
    }

    #[test]
    fn a_link_that_leads_to_nothing_yet_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        make_private(&link).unwrap();
        assert_eq!(mode(&file), 0o600);
        make_private(&link).unwrap();
    }
}
