//! The three steps of `SECURITY.md` with two replicas, and what they prevent.

use std::sync::Arc;

use lemon_test_servers::PostgresServer;
use lemon_tests::{Person, System, SystemBuilder};
use serde_json::{Value, json};
use url::Url;

const FORMER_JWT: &str = "dGhpcyBrZXkgc2lnbmVkIHRva2VucyBiZWZvcmUsIGFuZCBpcyBzdGlsbCBhY2NlcHRlZCBmb3IgYSBtb250aCBvciBzby4uLi4=";
const FORMER_SEALING: &str = "former:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=";

/// Two replicas that share a database, and a Twitter beside them.
struct Replicas {
    twitter: System,
    database: Url,
    jwt: String,
    sealing: String,
    _postgres: Arc<PostgresServer>,
}

/// The lists of a replica.
#[derive(Clone, Copy)]
enum KeyLists {
    Former,
    Both,
    NewFirst,
    NewSealing,
}

impl Replicas {
    async fn new() -> Self {
        let postgres = PostgresServer::get().await;
        let shared = [
            ("LEMON_TWITTER__CONSUMER_KEY", "shared-key"),
            ("LEMON_TWITTER__CONSUMER_SECRET", "shared secret"),
            ("LEMON_TWITTER__CALLBACK_URL", "http://app.example/"),
        ];
        let twitter = shared
            .into_iter()
            .fold(System::builder(), |system, (name, value)| {
                system.env(name, value)
            });
        Self {
            database: postgres.database().await,
            jwt: generated(&twitter, &["jwt"]).await,
            sealing: generated(&twitter, &["sealing", "--id", "new"]).await,
            twitter: twitter.start().await,
            _postgres: postgres,
        }
    }

    fn program(&self, keys: KeyLists) -> SystemBuilder {
        let (jwt, sealing) = (&self.jwt, &self.sealing);
        let (jwt, sealing) = match keys {
            KeyLists::Former => (FORMER_JWT.to_owned(), FORMER_SEALING.to_owned()),
            KeyLists::Both => (
                format!("{FORMER_JWT},{jwt}"),
                format!("{FORMER_SEALING},{sealing}"),
            ),
            KeyLists::NewFirst => (
                format!("{jwt},{FORMER_JWT}"),
                format!("{sealing},{FORMER_SEALING}"),
            ),
            // Tokens that the former key has signed are valid for a month.
            KeyLists::NewSealing => (format!("{jwt},{FORMER_JWT}"), sealing.clone()),
        };
        System::builder()
            .env("LEMON_LOG__FORMAT", "json")
            .env("USER", "lemon")
            .env("LEMON_STORE__URL", self.database.as_str())
            .env("LEMON_QUOTA__URL", "embedded")
            .env("LEMON_QUEUE__URL", "embedded")
            .env("LEMON_JWT__SECRETS", &jwt)
            .env("LEMON_STORE__SEALING_KEYS", &sealing)
            .env("LEMON_TWITTER__URL", &self.twitter.sandbox_url(""))
            .env("LEMON_TWITTER__CONSUMER_KEY", "shared-key")
            .env("LEMON_TWITTER__CONSUMER_SECRET", "shared secret")
            .env("LEMON_TWITTER__CALLBACK_URL", "http://app.example/")
    }

    /// Replaces a replica by one with other keys, as a rolling restart does.
    async fn replace(&self, replica: &mut System, keys: KeyLists) {
        assert!(replica.terminate().await.success());
        *replica = self.program(keys).start().await;
    }

    async fn sign_in(&self, replica: &System, n: u32) -> Person {
        replica.sign_in_by(&self.twitter, n).await
    }

    /// The keys, as `keys status` shows them: role, accounts and pending sign-ins by id.
    async fn status(&self, keys: KeyLists) -> Value {
        let output = self.program(keys).run(&["keys", "status", "--json"]).await;
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

async fn generated(program: &SystemBuilder, arguments: &[&str]) -> String {
    let output = program
        .run(&[&["keys", "generate"][..], arguments].concat())
        .await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Both replicas take everybody's token, and open everybody's credentials.
async fn nobody_is_lost(people: &[Person], replicas: [&System; 2]) {
    for person in people {
        for replica in replicas {
            let person = person.at(replica);
            person.services().await.must_be(200);
            person.profile().await.must_be(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_in_three_steps_and_nobody_is_lost() {
    let all = Replicas::new().await;
    let mut one = all.program(KeyLists::Former).start().await;
    let mut two = all.program(KeyLists::Former).start().await;
    let mut people = vec![all.sign_in(&one, 1).await];
    nobody_is_lost(&people, [&one, &two]).await;

    // 1. Add the new keys everywhere.
    all.replace(&mut one, KeyLists::Both).await;
    people.push(all.sign_in(&one, 2).await);
    nobody_is_lost(&people, [&one, &two]).await;
    all.replace(&mut two, KeyLists::Both).await;
    nobody_is_lost(&people, [&one, &two]).await;

    // 2. Move them to the front.
    all.replace(&mut one, KeyLists::NewFirst).await;
    people.push(all.sign_in(&one, 3).await);
    people.push(all.sign_in(&two, 4).await);
    nobody_is_lost(&people, [&one, &two]).await;
    all.replace(&mut two, KeyLists::NewFirst).await;
    let status = all.status(KeyLists::NewFirst).await;
    let shown = |at: usize, key: &str| status[at][key].clone();
    assert_eq!(
        (shown(0, "id"), shown(0, "role")),
        (json!("new"), json!("seals"))
    );
    assert_eq!(
        (shown(1, "id"), shown(1, "role")),
        (json!("former"), json!("opens"))
    );
    assert_eq!(
        (shown(0, "accounts"), shown(1, "accounts")),
        (json!(1), json!(3))
    );

    // Seal everything with the new one, while people sign in.
    let reseal = all.program(KeyLists::NewFirst);
    let (resealed, person) = tokio::join!(
        reseal.run(&["keys", "reseal", "--json"]),
        all.sign_in(&two, 2)
    );
    assert!(resealed.status.success(), "{resealed:?}");
    people.push(person);
    let audit = String::from_utf8(resealed.stderr).unwrap();
    assert!(
        audit.contains("\"audit\":true") && audit.contains("\"key.id\":\"new\""),
        "{audit}"
    );
    nobody_is_lost(&people, [&one, &two]).await;
    let again = reseal.run(&["keys", "reseal", "--json"]).await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&again["key"], &again["unreadable"]),
        (&json!("new"), &json!(0))
    );
    let status = all.status(KeyLists::NewFirst).await;
    assert_eq!(
        (&status[0]["accounts"], &status[1]["accounts"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(status[1]["pending_sign_ins"], 0);

    // 3. Remove the former one.
    all.replace(&mut one, KeyLists::NewSealing).await;
    people.push(all.sign_in(&one, 5).await);
    nobody_is_lost(&people, [&one, &two]).await;
    all.replace(&mut two, KeyLists::NewSealing).await;
    nobody_is_lost(&people, [&one, &two]).await;
}

/// What the first step is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_some_replicas_know_loses_people_at_the_others() {
    let all = Replicas::new().await;
    let former = all.program(KeyLists::Former).start().await;
    let hasty = all.program(KeyLists::NewFirst).start().await;
    let early = all.sign_in(&former, 1).await;
    early.at(&hasty).profile().await.must_be(200);
    let person = all.sign_in(&hasty, 2).await;
    person.profile().await.must_be(200);
    person.at(&former).services().await.must_be(401);
    let restarted = all
        .program(KeyLists::Former)
        .try_start()
        .await
        .err()
        .unwrap();
    let line = restarted.log.last().unwrap();
    assert!(
        line.contains("store.sealing_keys") && line.contains("new"),
        "{line}"
    );
    let status = all.status(KeyLists::Former).await;
    assert_eq!(
        (&status[1]["id"], &status[1]["role"]),
        (&json!("new"), &json!("missing"))
    );
    let output = all.program(KeyLists::Former).run(&["keys", "reseal"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let checked = all.program(KeyLists::Former).run(&["check"]).await;
    assert!(!checked.status.success());
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("lacks the key(s) new"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_key_is_printed_alone_and_is_accepted() {
    // A configuration that cannot be read does not matter.
    let program = System::builder().env("LEMON_NONSENSE__KEY", "1");
    let (jwt, sealing) = (
        generated(&program, &["jwt"]).await,
        generated(&program, &["sealing"]).await,
    );
    assert_ne!(jwt, generated(&program, &["jwt"]).await);
    assert_ne!(sealing, generated(&program, &["sealing"]).await);
    let id = sealing.split_once(':').unwrap().0;
    assert!(id.len() == 10 && id.starts_with("20"), "{id}");
    let shown = generated(&program, &["sealing", "--id", "mine", "--json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["kind"], &shown["id"]),
        (&json!("sealing"), &json!("mine"))
    );
    let with_both = System::builder().env("LEMON_JWT__SECRETS", &jwt).env(
        "LEMON_STORE__SEALING_KEYS",
        &format!("{sealing},{}", shown["key"].as_str().unwrap()),
    );
    let checked = with_both.run(&["check"]).await;
    assert!(checked.status.success(), "{checked:?}");
    for refused in [&["jwt", "--id", "a"][..], &["sealing", "--id", "a b"]] {
        let output = program
            .run(&[&["keys", "generate"][..], refused].concat())
            .await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
    }
}
