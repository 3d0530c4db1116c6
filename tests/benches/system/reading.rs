use std::time::Duration;

use lemon_tests::System;

use crate::{
    CAN_USE, CONNECTIONS, ROUNDS,
    bare_http::BareHttp,
    figures::Figures,
    load::{Request, repeat},
    median,
};

const WARM_UP: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(2);

/// How often a second the system says whether a place is free, beside a bare handler that sends the same
/// answer, headers and all.
pub(crate) async fn measure(figures: &mut Figures, system: &System) -> anyhow::Result<()> {
    let answer = system.client().get(system.url(CAN_USE)).send().await?;
    let bare = BareHttp::start(answer.error_for_status()?).await?;
    let ours = system.http_address();
    for side in [ours, bare.address] {
        repeat(side, Request::get(CAN_USE), CONNECTIONS, WARM_UP).await?;
    }
    let (mut measured, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        measured.push(repeat(ours, Request::get(CAN_USE), CONNECTIONS, ROUND).await?);
        limit.push(repeat(bare.address, Request::get(CAN_USE), CONNECTIONS, ROUND).await?);
    }
    figures.rate(
        "can-use, beside a bare handler",
        median(measured),
        median(limit),
        0.8,
    );
    Ok(())
}
