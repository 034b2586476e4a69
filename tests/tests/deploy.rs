//! The manifests in `deploy/kubernetes` fit what they are used with: the keys that `dkube nats-config` makes, and the programs'
//! settings.
use anyhow::Context;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, process::Command};
use tests::harness::{Host, Place};

/// The first container of the only object of that kind, and its pod.
struct Workload {
    pod: Value,
    text: String,
}

impl Workload {
    fn read(file: &str, kind: &str) -> anyhow::Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes").join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text)?;
        let object = objects.into_iter().find(|object| object["kind"] == kind).context("it has no such object")?;
        Ok(Self { pod: object["spec"]["template"]["spec"].clone(), text })
    }

    fn container(&self) -> &Value {
        &self.pod["containers"][0]
    }

    /// What it sets, or from which field it takes it.
    fn environment(&self) -> BTreeMap<&str, &str> {
        let all = self.container()["env"].as_array().into_iter().flatten();
        all.filter_map(|entry| {
            let field = &entry["valueFrom"]["fieldRef"]["fieldPath"];
            Some((entry["name"].as_str()?, entry["value"].as_str().or(field.as_str())?))
        })
        .collect()
    }

    fn mount(&self, path: &str) -> anyhow::Result<&Value> {
        let mut all = self.container()["volumeMounts"].as_array().into_iter().flatten();
        all.find(|mount| mount["mountPath"] == path).with_context(|| format!("nothing is mounted at {path}"))
    }

    fn volume(&self, name: &Value) -> anyhow::Result<&Value> {
        let mut all = self.pod["volumes"].as_array().into_iter().flatten();
        all.find(|volume| volume["name"] == *name).with_context(|| format!("there is no volume {name}"))
    }
}

/// The clients' keys, as `dkube nats-config` makes them.
async fn keys(place: &Place, clients: &[&str]) -> anyhow::Result<Vec<String>> {
    let folder = place.text("keys");
    place.dkube(&[&["nats-config", "--keys", &folder][..], clients].concat()).await?.done()?;
    let mut names = vec![];
    for entry in fs::read_dir(&folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn each_node_agent_is_given_its_own_key_of_those_that_nats_config_makes() -> anyhow::Result<()> {
    let (place, host) = (Place::new()?, Host::new("gpu-01", 1)?);
    let agent = Workload::read("node-agent.yaml", "DaemonSet")?;
    let nodes = ["gpu-01", "gpu-02.rack3.example"];
    let made = keys(&place, &["--node", nodes[0], "--node", nodes[1], "--cluster", "default"]).await?;
    let environment = agent.environment();
    assert_eq!(environment["DKUBE_NODE"], "spec.nodeName");
    let mount = agent.mount(environment["DKUBE_NATS_NKEY"])?;
    assert_eq!(mount["readOnly"], true);
    let expression = mount["subPathExpr"].as_str().context("it is one file of the secret")?;
    for node in nodes {
        let file = expression.replace("$(DKUBE_NODE)", node);
        assert!(made.contains(&file), "{file} is none of {made:?}");
    }
    let secret = &agent.volume(&mount["name"])?["secret"]["secretName"];
    let secret = secret.as_str().context("the keys are a secret")?;

    // What is put into the secret: the shell that people use says it.
    let made_by = agent.text.lines().find(|line| line.contains(secret)).context("it says how the secret is made")?;
    let (_, files) = made_by.split_once(secret).context("it names the secret")?;
    let said = Command::new("sh").current_dir(place.path("")).args(["-c", &format!("echo {files}")]).output()?;
    let said = String::from_utf8(said.stdout)?;
    let wanted: Vec<String> = nodes.iter().map(|node| format!("--from-file=keys/node-{node}.nk")).collect();
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), wanted, "no key of the server or of another client");

    let help = String::from_utf8(host.command()?.arg("--help").output().await?.stdout)?;
    for name in environment.keys().filter(|name| name.starts_with("DKUBE_")) {
        assert!(help.contains(&format!("[env: {name}=")), "{name} is no setting of the agent");
    }
    Ok(())
}

#[tokio::test]
async fn the_cluster_agent_is_given_the_key_that_nats_config_makes() -> anyhow::Result<()> {
    let place = Place::new()?;
    let agent = Workload::read("cluster-agent.yaml", "Deployment")?;
    let environment = agent.environment();
    let cluster = environment["DKUBE_KUBE_CLUSTER"];
    let made = keys(&place, &["--cluster", cluster]).await?;
    let folder = Path::new(environment["DKUBE_NATS_NKEY"]);
    let mount = agent.mount(folder.parent().and_then(Path::to_str).context("it is in a folder")?)?;
    let secret = agent.volume(&mount["name"])?["secret"]["secretName"].as_str().context("the key is a secret")?;
    let file = folder.file_name().and_then(|name| name.to_str()).context("it is a file")?;
    let key = format!("cluster-{cluster}.nk");
    assert!(made.contains(&key), "{made:?}");
    let made_by = format!("create secret generic {secret} --from-file={file}=keys/{key}");
    assert!(agent.text.contains(&made_by), "{made_by}");
    Ok(())
}
