//! A web app of its own in front, with the types and the configuration that the guides show.

use lemon_tests::System;

use crate::workshop::{Workshop, printed};

/// Where the web app is. Nothing needs to listen there: the browser of these tests only looks at the address.
const WEB_APP: &str = "http://localhost:3000";

/// A person with a browser.
const PERSON: &str = r#"
import { register } from "./app.ts";
import { LemonToolbox, Refusal } from "./client.ts";

const api = new LemonToolbox(Deno.args[0]!);

async function decide(decision: string): Promise<URL> {
  const begun = await api.call("GET /api/oauth/twitter/request-token", null);
  const answer = await fetch(new URL("/oauth/authorize", begun.authorization_url), {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ oauth_token: begun.token, person: "1", decision }),
  });
  await answer.body?.cancel();
  return new URL(answer.headers.get("Location")!);
}

try {
  await api.completeSignIn((await decide("cancel")).searchParams);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.log(error.problem.code);
}
const back = await decide("authorize");
console.log(back.origin + back.pathname);
await api.completeSignIn(back.searchParams);
console.log(await register(api));
console.log(await register(api));
const [service] = await api.call("GET /api/service", null);
const published = await api.call("PUT /api/service", { service_type: service!.service_type, public: true });
console.log(published.service_type, published.public);
console.log(await api.call("DELETE /api/service/learn_me", null));
"#;

/// Each is wrong in one way.
const WRONG: [&str; 4] = [
    r#"await api.call("GET /api/services", null);"#,
    r#"(await api.call("GET /api/service", null))[0]!.redy;"#,
    r#"await api.call("PUT /api/service", { service_type: "PAINTME", public: true });"#,
    r#"await api.call("POST /api/service/learn_me", { service_type: "LEARNME" });"#,
];

#[tokio::test]
async fn a_web_app_makes_the_journey_with_the_printed_types() {
    let workshop = Workshop::of("web-app.md", &["client.ts", "app.ts"]);
    let builder = System::builder()
        .env(
            "LEMON_TWITTER__CALLBACK_URL",
            &format!("{WEB_APP}/signed-in"),
        )
        .env("LEMON_HTTP__ALLOWED_ORIGINS", WEB_APP);
    let declarations = builder.run(&["openapi", "--typescript"]).await;
    workshop.put("lemon-toolbox.d.ts", &printed(&declarations));
    workshop.put("person.ts", PERSON);
    printed(&workshop.check(&["person.ts"]).await);

    let system = builder.start().await;
    let mut person = workshop.deno("run");
    person.args(["--allow-net", "person.ts", &system.url("")]);
    let lines = printed(&person.output().await.unwrap());
    let lines: Vec<&str> = lines.lines().collect();
    let [denied, back, first, second, published, deleted] = lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(denied, "sign_in_denied");
    assert_eq!(back, format!("{WEB_APP}/signed-in"));
    assert_eq!(first, "You are number 1 of 400 today.");
    assert!(second.starts_with("You may ask again at 20"), "{second}");
    assert_eq!(published, "LEARNME true");
    assert_eq!(deleted, "null");
}

#[tokio::test]
async fn a_call_that_the_api_does_not_have_has_no_type() {
    let workshop = Workshop::of("web-app.md", &["client.ts"]);
    let declarations = System::builder().run(&["openapi", "--typescript"]).await;
    workshop.put("lemon-toolbox.d.ts", &printed(&declarations));
    for line in WRONG {
        let head =
            "import { LemonToolbox } from \"./client.ts\";\nconst api = new LemonToolbox(\"\");\n";
        workshop.put("wrong.ts", &format!("{head}{line}\n"));
        let checked = workshop.check(&["wrong.ts"]).await;
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(
            !checked.status.success() && said.contains("wrong.ts:3"),
            "{line}: {said}"
        );
    }
}
