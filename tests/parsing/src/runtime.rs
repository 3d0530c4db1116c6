use std::{error::Error, sync::OnceLock};

use tokio::runtime::{Builder, Runtime};

/// What an error must not quote. It stands for a secret in the inputs of the corpora.
pub(crate) const MARK: &str = "hunter2-hunter2";

/// The runtime of the targets that need one.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    })
}

/// Everything that an error and its causes show must be without the mark.
pub(crate) fn must_not_quote(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(MARK), "an error quotes its input: {shown}");
        next = error.source();
    }
}
