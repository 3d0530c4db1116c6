//! The data folder.

use std::{fs, io, os::unix::fs::DirBuilderExt, path::Path};

/// Makes it, if there is none, for its owner alone.
pub(crate) fn make(data_dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
}
