//! Servers in containers: an image for each, and a [`Container`] that ends with the test.

mod container;
mod image;

#[cfg(feature = "postgres")]
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::{
    localstack::LocalStack,
    redis::{REDIS_PORT, Redis},
    testcontainers::ImageExt,
};

pub(super) use container::Container;
use image::TestImage;

/// A Redis and its address.
pub(super) async fn redis() -> Result<(Container, String), String> {
    const IMAGE: TestImage = TestImage {
        variable: "LEMON_TEST_REDIS_IMAGE",
        default: "redis:8-alpine",
        stand_in: "lemon-test/redis:latest",
    };
    let container = Container::start(IMAGE, Redis::default(), REDIS_PORT).await?;
    let url = format!("redis://{}", container.address());
    Ok((container, url))
}

/// An SQS of `LocalStack` and its address. 4.13 is one of the last versions that need no account.
pub(super) async fn sqs() -> Result<(Container, String), String> {
    const IMAGE: TestImage = TestImage {
        variable: "LEMON_TEST_LOCALSTACK_IMAGE",
        default: "localstack/localstack:4.13",
        stand_in: "lemon-test/localstack:latest",
    };
    let request = LocalStack::default()
        .with_env_var("SERVICES", "sqs")
        .with_env_var("EAGER_SERVICE_LOADING", "1")
        .with_env_var("DISABLE_EVENTS", "1")
        .with_env_var("SQS_ENDPOINT_STRATEGY", "dynamic")
        .with_env_var("SQS_DISABLE_CLOUDWATCH_METRICS", "1")
        .with_env_var("SQS_ENABLE_MESSAGE_RETENTION_PERIOD", "1");
    let container = Container::start(IMAGE, request, 4566).await?;
    let url = format!("http://{}", container.address());
    Ok((container, url))
}

/// A PostgreSQL and the address of its first database. No data outlives a test, so nothing must reach the disk.
#[cfg(feature = "postgres")]
pub(super) async fn postgres() -> Result<(Container, String), String> {
    const IMAGE: TestImage = TestImage {
        variable: "LEMON_TEST_POSTGRES_IMAGE",
        default: "postgres:18-alpine",
        stand_in: "lemon-test/postgres:latest",
    };
    let postgres = Postgres::default()
        .with_user("lemon")
        .with_password("lemon");
    let request = postgres.with_cmd(["-c", "fsync=off", "-c", "max_connections=400"]);
    let container = Container::start(IMAGE, request, 5432).await?;
    let url = format!("postgres://lemon:lemon@{}/postgres", container.address());
    Ok((container, url))
}
