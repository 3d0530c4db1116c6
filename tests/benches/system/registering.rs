use anyhow::ensure;
use futures::{StreamExt, stream};
use lemon_tests::{Answer, System};

use crate::{
    CAN_USE, CONNECTIONS, ROUNDS,
    bare_sqlite::BareSqlite,
    figures::Figures,
    load::{Request, once_each},
    median,
    quiet::quiet,
};

/// Registrations of each side in a round.
const ROUND: u32 = 400;

/// How many registrations a second the system accepts, beside bare SQLite transactions of the same writes.
pub(crate) async fn measure(figures: &mut Figures, system: &System) -> anyhow::Result<()> {
    let rounds = u32::try_from(ROUNDS)?;
    let people = 1..=rounds * ROUND;
    let mut bare = BareSqlite::create(people.clone()).await?;
    let requests = requests(system, people.clone().count()).await?;
    let (mut measured, mut limit) = (Vec::new(), Vec::new());
    for (round, requests) in (0..).zip(requests.chunks(ROUND as usize)) {
        measured.push(once_each(system.http_address(), requests.to_vec(), CONNECTIONS).await?);
        quiet(system).await?;
        limit.push(bare.register(round * ROUND + 1..=(round + 1) * ROUND)?);
    }
    let counted = system.client().get(system.url(CAN_USE)).send().await?;
    let counted = Answer::read(counted).await?.body;
    ensure!(
        counted["register_count"] == people.count(),
        "counted {counted}"
    );
    figures.rate(
        "registrations, beside bare transactions",
        median(measured),
        median(limit),
        0.5,
    );
    Ok(())
}

/// A registration for each of so many people, who have signed in.
pub(crate) async fn requests(system: &System, people: usize) -> anyhow::Result<Vec<Request>> {
    let tokens = tokens(system, people).await?;
    let request = |token: &String| Request::post("/api/service/learn_me", token);
    Ok(tokens.iter().map(request).collect())
}

/// The tokens of so many people, who have signed in.
pub(crate) async fn tokens(system: &System, people: usize) -> anyhow::Result<Vec<String>> {
    let tokens = stream::iter(1..=u32::try_from(people)?)
        .map(async |n| system.sign_in(n).await.token)
        .buffer_unordered(CONNECTIONS)
        .collect()
        .await;
    quiet(system).await?;
    Ok(tokens)
}
