use anyhow::{Context, ensure};
use serde_json::Value;

/// Checks that what the objects name is among them: Kubernetes accepts a selector that selects nothing.
pub(super) fn check(objects: &[Value]) -> anyhow::Result<()> {
    let deployment = of_kind(objects, "Deployment");
    let deployment = deployment.first().context("there is no Deployment")?;
    let pods = &deployment["spec"]["template"];
    let labels = &pods["metadata"]["labels"];
    let port = &pods["spec"]["containers"][0]["ports"];

    let mut selectors = vec![&deployment["spec"]["selector"]["matchLabels"]];
    for service in of_kind(objects, "Service") {
        selectors.push(&service["spec"]["selector"]);
        for of_service in list(&service["spec"]["ports"]) {
            must_be_among(&of_service["targetPort"], port)?;
        }
    }
    for budget in of_kind(objects, "PodDisruptionBudget") {
        selectors.push(&budget["spec"]["selector"]["matchLabels"]);
    }
    for spread in list(&pods["spec"]["topologySpreadConstraints"]) {
        selectors.push(&spread["labelSelector"]["matchLabels"]);
    }
    for policy in of_kind(objects, "NetworkPolicy") {
        selectors.push(&policy["spec"]["podSelector"]["matchLabels"]);
    }
    for selector in selectors {
        let pairs = selector.as_object().into_iter().flatten();
        for (name, value) in pairs {
            ensure!(labels[name] == *value, "no pod has {name}: {value}");
        }
    }
    for scaler in of_kind(objects, "HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        ensure!(
            target["name"] == deployment["metadata"]["name"] && target["kind"] == "Deployment",
            "the autoscaler scales something else: {target}"
        );
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let probe = &pods["spec"]["containers"][0][probe];
        must_be_among(&probe["httpGet"]["port"], port)?;
    }
    for job in of_kind(objects, "Job") {
        parts_of_a_pod(objects, &job["spec"]["template"]["spec"])?;
    }
    parts_of_a_pod(objects, &pods["spec"])
}

/// The account and the configuration are objects; the secret is made by hand.
fn parts_of_a_pod(objects: &[Value], pod: &Value) -> anyhow::Result<()> {
    let named = |kind: &str, name: &Value| {
        let mut all = of_kind(objects, kind).into_iter();
        all.any(|object| object["metadata"]["name"] == *name)
    };
    let account = &pod["serviceAccountName"];
    ensure!(named("ServiceAccount", account), "there is no {account}");
    let mounts = list(&pod["containers"][0]["volumeMounts"]);
    for mount in mounts {
        must_be_among(&mount["name"], &pod["volumes"])?;
    }
    let maps = list(&pod["volumes"]).iter();
    for map in maps.filter_map(|volume| volume["configMap"].get("name")) {
        ensure!(named("ConfigMap", map), "there is no {map}");
    }
    Ok(())
}

fn must_be_among(name: &Value, all: &Value) -> anyhow::Result<()> {
    let is_there = list(all).iter().any(|it| it["name"] == *name);
    ensure!(name.is_string() && is_there, "{name} is not among {all}");
    Ok(())
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let all = objects.iter();
    all.filter(|object| object["kind"] == kind).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
