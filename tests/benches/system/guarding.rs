use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use lemon_domain::{
    sealing::{SealingKey, SealingKeys},
    values::{AccountId, Credentials, ProviderUserId},
};
use lemon_tests::System;

use crate::{
    CAN_USE, CONNECTIONS, ROUNDS,
    figures::Figures,
    load::{Request, repeat},
    median, registering,
};

const ROUND: Duration = Duration::from_secs(2);
/// How often a secret is opened in a round.
const OPENED: u32 = 100_000;

/// What it costs to know who calls, and to open what is sealed: the JWT, the revoked tokens, the limits and the question to the store whether
/// the person is still there are what a cached profile has more than `can-use`.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let system = System::builder()
        .env("LEMON_HTTP__PROFILE_CACHE_SECONDS", "3600")
        .start()
        .await;
    let tokens = registering::tokens(&system, 1).await?;
    let token = tokens.first().context("a person has signed in")?;
    let profile = Request::get_as("/api/twitter/user-profile", token);
    let anonymous = Request::get(CAN_USE);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        for (request, side) in [(&profile, &mut known), (&anonymous, &mut unknown)] {
            let measured = of(&system, request).await?;
            // The first round warms up.
            if round > 0 {
                side.push(measured);
            }
        }
    }
    let rates = |side: &[Side]| median(side.iter().map(|round| round.rate).collect());
    let costs = |side: &[Side]| median(side.iter().map(|round| round.cpu_us).collect::<Vec<f64>>());
    figures.rate(
        "a cached profile, beside can-use",
        rates(&known),
        rates(&unknown),
        0.7,
    );
    figures.cost(
        "CPU of a cached profile, beyond can-use",
        costs(&known) - costs(&unknown),
        "µs",
        20.0,
    );
    opening(figures)
}

/// What a round of one request came to.
struct Side {
    rate: f64,
    /// Of the program, a request.
    cpu_us: f64,
}

async fn of(system: &System, request: &Request) -> anyhow::Result<Side> {
    let before = cpu(system)?;
    let rate = repeat(system.http_address(), request.clone(), CONNECTIONS, ROUND).await?;
    let used = cpu(system)?.saturating_sub(before).as_secs_f64();
    Ok(Side {
        rate,
        cpu_us: used * 1e6 / (rate * ROUND.as_secs_f64()),
    })
}

/// The time of the program's threads on a core.
fn cpu(system: &System) -> anyhow::Result<Duration> {
    let pid = system.pid().context("the system runs")?;
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_core = statistics.split(' ').next();
        let on_core = on_core.context("the kernel counts the time on a core")?;
        nanoseconds += on_core.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Opens a person's token.
fn opening(figures: &mut Figures) -> anyhow::Result<()> {
    let key = "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned();
    let keys = SealingKeys::new(vec![SealingKey::parse(&key.into())?])?;
    let owner = AccountId::twitter(ProviderUserId::parse("783214")?);
    // As long as X's.
    let credentials = Credentials::new(format!("783214-{}", "t".repeat(43)), "s".repeat(45));
    let sealed = keys.seal_credentials(owner, &credentials, [7; 24]);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..OPENED {
            let opened = keys.open_credentials(owner, black_box(&sealed));
            black_box(opened.map_err(|error| anyhow!(error))?);
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(OPENED));
    }
    figures.cost("opening a sealed token", median(rounds), "µs", 5.0);
    Ok(())
}
