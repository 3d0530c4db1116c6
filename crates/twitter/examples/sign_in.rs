//! Signs in with X, shows the profile, and posts what it is given:
//!
//! `CONSUMER_KEY=… CONSUMER_SECRET=… CALLBACK_URL=https://example.com/signed-in cargo run -p lemon-twitter --example sign_in`
//!
//! With `TWITTER_URL=http://127.0.0.1:8081` it calls the stand-in that `lemon-toolbox sandbox` starts.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error, io::stdin, sync::Arc};

use lemon_domain::{ports::TwitterClient, values::Verifier};
use lemon_system::SystemClock;
use lemon_twitter::{HttpTwitterClient, TwitterApp, TwitterConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = TwitterApp {
        consumer_key: env::var("CONSUMER_KEY")?.into(),
        consumer_secret: env::var("CONSUMER_SECRET")?.into(),
        callback_url: env::var("CALLBACK_URL")?.parse()?,
    };
    let url = env::var("TWITTER_URL").unwrap_or_else(|_| "https://api.x.com".to_owned());
    let config = TwitterConfig::new(url.parse()?, app);
    let twitter = HttpTwitterClient::connect(&config, Arc::new(SystemClock))?;

    let request = twitter.request_token().await?;
    println!("Open {}", request.authentication_url);
    println!("Then paste the oauth_verifier of the address that the browser came back to:");
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let verifier = Verifier::parse(line.trim())?;
    let grant = twitter
        .access_token(&request.token, &request.secret, &verifier)
        .await?;

    let profile = twitter.profile(&grant.credentials).await?;
    println!(
        "@{} has {} followers",
        profile.screen_name, profile.followers
    );
    if let Some(text) = env::args().nth(1) {
        twitter.post_tweet(&grant.credentials, &text).await?;
        println!("posted: {text}");
    }
    Ok(())
}
