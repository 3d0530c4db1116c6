use std::{collections::BTreeSet, fs};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{ROOT, files, here};
use crate::python::PythonEnvironment;

/// The calls of SQS that only `queues create` makes: Terraform makes the queues instead.
const OF_MAKING: [&str; 2] = ["CreateQueue", "SetQueueAttributes"];

/// What SQS names after single messages: its batches are allowed together with it.
const BATCH: &str = "Batch";

/// Parses every file. The queues must be those of the template for AWS, which a test compares with what the program makes, and the
/// rights must be the calls that the adapter makes.
pub(super) fn check(tools: &PythonEnvironment) -> anyhow::Result<()> {
    let mut blocks = Vec::new();
    for file in files("deploy/terraform", "tf")? {
        let parsed = here(tools.program("hcl2tojson").arg(&file)).output()?;
        ensure!(
            parsed.status.success(),
            "{file} cannot be parsed: {}",
            String::from_utf8_lossy(&parsed.stderr)
        );
        blocks.push(serde_json::from_slice::<Value>(&parsed.stdout)?);
    }
    queues(&blocks)?;
    rights(&blocks)
}

fn queues(blocks: &[Value]) -> anyhow::Result<()> {
    let template = format!("{ROOT}/deploy/queues/cloudformation.json");
    let template: Value = serde_json::from_str(&fs::read_to_string(template)?)?;
    let resources = template["Resources"].as_object();
    let described = resources.context("the template has resources")?.values();
    let described: Vec<_> = described.map(|resource| &resource["Properties"]).collect();
    let live = described
        .iter()
        .filter(|it| it["RedrivePolicy"].is_object());
    let live: Vec<_> = live.collect();

    let names = live.iter().filter_map(|it| it["QueueName"].as_str());
    let names: BTreeSet<_> = names.collect();
    let mut locals = blocks.iter().map(|block| &block["locals"][0]["queues"]);
    let listed = locals.find_map(Value::as_str);
    let listed: BTreeSet<_> = quoted(listed.unwrap_or_default()).collect();
    ensure!(names == listed, "Terraform makes other queues: {listed:?}");

    let queue = resource(blocks, "aws_sqs_queue", "queue")?;
    let dead_letters = resource(blocks, "aws_sqs_queue", "dead_letters")?;
    let same = live.iter().all(|it| {
        let receives = it["RedrivePolicy"]["maxReceiveCount"].to_string();
        let policy = queue["redrive_policy"].as_str().unwrap_or_default();
        queue["visibility_timeout_seconds"] == it["VisibilityTimeout"]
            && policy.contains(&format!("maxReceiveCount = {receives}}}"))
    });
    let retained = described.iter().all(|it| {
        let both = [queue, dead_letters].map(|there| &there["message_retention_seconds"]);
        both == [&it["MessageRetentionPeriod"]; 2]
    });
    ensure!(
        same && retained,
        "Terraform gives the queues other settings than the template: {queue}, {dead_letters}"
    );
    ensure!(
        dead_letters["name"] == r#""${each.value}-dlq""#,
        "Terraform gives dead-letter queues another name"
    );
    Ok(())
}

fn rights(blocks: &[Value]) -> anyhow::Result<()> {
    let program = actions(blocks, "program")?;
    let told = fs::read_to_string(format!("{ROOT}/crates/sqs/README.md"))?;
    let told = told.split_once("need the rights").context("rights")?.1;
    let told = told.split_once(" on the queues").context("queues")?.0;
    let told: BTreeSet<_> = told.split('`').skip(1).step_by(2).map(action).collect();
    ensure!(program == told, "the program's rights are {program:?}");

    let mut allowed = &program | &actions(blocks, "operator")?;
    allowed.extend(OF_MAKING.map(str::to_owned));
    let calls = calls()?;
    ensure!(allowed == calls, "allowed: {allowed:?}, called: {calls:?}");
    Ok(())
}

/// The actions that a policy allows.
fn actions(blocks: &[Value], policy: &str) -> anyhow::Result<BTreeSet<String>> {
    let document = block(blocks, "data", "aws_iam_policy_document", policy)?;
    let statements = document["statement"].as_array().into_iter().flatten();
    let actions = statements.flat_map(|it| it["actions"].as_array().into_iter().flatten());
    Ok(actions.filter_map(Value::as_str).map(action).collect())
}

/// `"sqs:SendMessage"` as `SendMessage`.
fn action(name: &str) -> String {
    let name = name.trim_matches('"');
    name.strip_prefix("sqs:").unwrap_or(name).to_owned()
}

/// The actions of the calls in the adapter's sources.
fn calls() -> anyhow::Result<BTreeSet<String>> {
    let mut calls = BTreeSet::new();
    for folder in ["crates/sqs/src", "crates/sqs/src/queues"] {
        for file in files(folder, "rs")? {
            let source = fs::read_to_string(&file)?;
            let source: String = source.split_whitespace().collect();
            let after_client = source.split("client.").skip(1);
            let names = after_client.filter_map(|call| Some(call.split_once("()")?.0));
            // Every call of SQS has several words; `clone` and `config` have one.
            let is_call = |name: &&str| {
                name.contains('_') && name.chars().all(|c| c == '_' || c.is_ascii_lowercase())
            };
            calls.extend(names.filter(is_call).map(camel));
        }
    }
    Ok(calls)
}

/// `send_message_batch` as `SendMessage`.
fn camel(call: &str) -> String {
    let words = call.split('_').map(|word| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_uppercase() + rest
    });
    let name: String = words.collect();
    name.trim_end_matches(BATCH).to_owned()
}

fn resource<'a>(blocks: &'a [Value], kind: &str, name: &str) -> anyhow::Result<&'a Value> {
    block(blocks, "resource", kind, name)
}

/// The names of types and blocks have their quotes in the parser's answer.
fn block<'a>(blocks: &'a [Value], of: &str, kind: &str, name: &str) -> anyhow::Result<&'a Value> {
    let [kind, name] = [kind, name].map(|it| format!("\"{it}\""));
    blocks
        .iter()
        .flat_map(|block| block[of].as_array().into_iter().flatten())
        .map(|block| &block[&kind][&name])
        .find(|block| block.is_object())
        .with_context(|| format!("there is no {of} {kind} {name}"))
}

/// The texts in quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_as_its_action() {
        assert_eq!(camel("get_queue_url"), "GetQueueUrl");
        assert_eq!(camel("send_message_batch"), "SendMessage");
        assert_eq!(action("\"sqs:SendMessage\""), "SendMessage");
    }
}
