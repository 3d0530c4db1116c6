use std::env;

use crate::python::PythonEnvironment;

/// Variables that name another SQS for the tests.
const OTHERS: [&str; 2] = ["LEMON_TEST_SQS_URL", "LEMON_TEST_LOCALSTACK"];

/// An SQS without Docker, where `lemon-test-servers` looks for it. Newer versions of the last three packages are
/// incompatible with it.
const LOCALSTACK: PythonEnvironment = PythonEnvironment {
    name: "LocalStack, the tests' SQS",
    folder: concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/localstack"),
    packages: &[
        "localstack-core[base-runtime]==4.13.1",
        "cbor2<6",
        "pyopenssl<26",
        "localstack-twisted<26",
    ],
    other: Some("LEMON_TEST_SQS_URL or LEMON_TEST_LOCALSTACK"),
};

/// Installs `LocalStack`, unless it is installed or the tests use another SQS.
pub(crate) fn install() -> anyhow::Result<()> {
    if OTHERS.iter().any(|name| env::var_os(name).is_some()) {
        return Ok(());
    }
    LOCALSTACK.install()
}
