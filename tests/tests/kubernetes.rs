//! A Kubernetes cluster is mirrored: what runs there is shown, what ends there ends here, and that it can't be seen is
//! seen.
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::{Client, Gone, KubernetesServer, LIMIT, NatsServer, Object, Place, RealKubernetes, Server};

const GPUS: [&str; 2] = ["GPU-00000000-0000-4000-8000-000000000001", "GPU-00000000-0000-4000-8000-000000000002"];

/// Waits until the answer is as wanted, and gives it. What is mirrored moves no position that could be waited for.
async fn until(client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let body = client.get(path).await?.done()?.body;
        if wanted(&body) {
            return Ok(body);
        }
        ensure!(Instant::now() < deadline, "{path} is still {body}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

fn connected(list: &Value) -> bool {
    list["mirrors"][0]["connected"] == true && list["mirrors"][0]["complete"] == true
}

/// A server that watches this cluster.
async fn watching(place: &Place, kubeconfig: &str) -> anyhow::Result<(Server, Client)> {
    let server = Server::start(place, &["--kubeconfig", kubeconfig, "--kube-job-after", "1s"]).await?;
    let client = Client::operator(&server).await?;
    Ok((server, client))
}

/// The tests' own API server, or Kubernetes' own.
enum Cluster {
    Own(KubernetesServer),
    Real(RealKubernetes),
}

impl Cluster {
    fn kubeconfig(&self) -> String {
        let path = match self {
            Self::Own(server) => server.kubeconfig(),
            Self::Real(server) => server.kubeconfig(),
        };
        path.to_string_lossy().into_owned()
    }

    async fn put(&self, object: Object) -> anyhow::Result<()> {
        match self {
            Self::Own(server) => {
                server.put(object);
                Ok(())
            }
            Self::Real(server) => server.put(object).await,
        }
    }

    async fn delete_pod(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Own(server) => {
                server.delete("pods", namespace, name);
                Ok(())
            }
            Self::Real(server) => server.delete_pod(namespace, name).await,
        }
    }

    /// Nobody reaches it but the test.
    fn away(&mut self) {
        match self {
            Self::Own(server) => server.stop(),
            Self::Real(server) => server.cut(),
        }
    }

    /// It was started anew, and is reached again.
    async fn back(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Own(server) => server.start_again(),
            Self::Real(server) => server.restart().await,
        }
    }
}

#[tokio::test]
async fn pods_and_nodes_appear_and_survive_the_api_servers_restart() -> anyhow::Result<()> {
    mirrored(Cluster::Own(KubernetesServer::start()?)).await
}

/// The same against Kubernetes' own API server: see [`RealKubernetes`].
#[tokio::test]
async fn a_real_api_server_is_mirrored_the_same() -> anyhow::Result<()> {
    match RealKubernetes::start().await? {
        Some(kubernetes) => mirrored(Cluster::Real(kubernetes)).await,
        None => Ok(()),
    }
}

async fn mirrored(mut kubernetes: Cluster) -> anyhow::Result<()> {
    let place = Place::new()?;
    kubernetes.put(Object::node("gpu-01", 8)).await?;
    // More than a page.
    for nth in 0..1203 {
        kubernetes.put(Object::pod("many", &format!("pod-{nth:04}"))).await?;
    }
    let (_server, client) = watching(&place, &kubernetes.kubeconfig()).await?;
    let summary = until(&client, "/v1/pods/summary", connected).await?;
    assert_eq!(summary["total"], 1203);
    assert_eq!(client.all("/v1/pods?namespace=many", None).await?.len(), 1203);
    if let Cluster::Own(kubernetes) = &kubernetes {
        assert_eq!(kubernetes.lists("pods"), 1);
    }

    let mut fastest = Duration::MAX;
    for nth in 0..5 {
        let name = format!("new-{nth}");
        let begun = Instant::now();
        kubernetes.put(Object::pod("vision", &name).runs_on("gpu-01").label("app", "trainer").crashes()).await?;
        let running = |list: &Value| names(list).contains(&name.as_str());
        until(&client, "/v1/pods?namespace=vision&phase=Running", running).await?;
        fastest = fastest.min(begun.elapsed());
    }
    println!("a pod is shown {fastest:?} after it is there");

    let pods = client.get("/v1/pods?component=trainer&node=gpu-01&phase=Running&owner=train").await?.done()?.body;
    assert_eq!(pods["items"].as_array().map(Vec::len), Some(5));
    let pod = &pods["items"][0];
    assert_eq!(pod["reason"], "CrashLoopBackOff");
    assert_eq!((&pod["restarts"], &pod["ready"], &pod["stale"]), (&json!(7), &json!(false), &json!(false)));
    client.get("/v1/pods?as_of=1").await?.refused(400, "as_of.unsupported");
    client.get("/v1/pods?after=x").await?.refused(400, "request.query");

    // The API server is away: what was seen stays, marked, and the cause is told.
    kubernetes.away();
    let away = until(&client, "/v1/pods?namespace=vision", |list| list["mirrors"][0]["connected"] == false).await?;
    assert_eq!(names(&away).len(), 5);
    assert_eq!(away["items"][0]["stale"], true);
    assert!(away["mirrors"][0]["error"].as_str().is_some_and(|error| !error.is_empty()), "{away}");
    // A pod goes in the gap, and one comes.
    kubernetes.delete_pod("vision", "new-0").await?;
    kubernetes.put(Object::pod("vision", "in-the-gap")).await?;
    kubernetes.back().await?;
    let back = until(&client, "/v1/pods?namespace=vision", |list| connected(list) && names(list)[0] == "in-the-gap");
    assert_eq!(names(&back.await?), ["in-the-gap", "new-1", "new-2", "new-3", "new-4"]);
    Ok(())
}

#[tokio::test]
async fn what_is_too_old_is_listed_anew_without_flapping() -> anyhow::Result<()> {
    let mut kubernetes = KubernetesServer::start()?;
    let place = Place::new()?;
    for name in ["a", "b", "c"] {
        kubernetes.put(Object::pod("ns", name));
    }
    let (_server, client) = watching(&place, &kubernetes.kubeconfig().to_string_lossy()).await?;
    until(&client, "/v1/pods", |list| connected(list) && names(list).len() == 3).await?;
    for (gone, name) in [(Gone::Status, "a"), (Gone::Event, "b")] {
        let lists = kubernetes.lists("pods");
        // The deletion is forgotten before the agent hears of it.
        kubernetes.stop();
        kubernetes.delete("pods", "ns", name);
        kubernetes.compact(gone);
        kubernetes.start_again()?;
        until(&client, "/v1/pods", |list| {
            assert!(names(list).contains(&"c"), "what stays is never gone meanwhile: {list}");
            connected(list) && !names(list).contains(&name)
        })
        .await?;
        assert_eq!(kubernetes.lists("pods"), lists + 1, "{gone:?}");
    }
    // A watch that ends goes on where it was; after a bookmark, what was before it may be forgotten.
    let lists = kubernetes.lists("pods");
    kubernetes.bookmark("pods");
    kubernetes.disconnect();
    kubernetes.put(Object::pod("ns", "d"));
    until(&client, "/v1/pods", |list| names(list) == ["c", "d"]).await?;
    assert_eq!(kubernetes.lists("pods"), lists);
    // Whoever may not look any more is told so, and so is the operator.
    for status in [401, 403] {
        kubernetes.refuse(Some(status));
        let refused = until(&client, "/v1/pods", |list| list["mirrors"][0]["connected"] == false).await?;
        let error = refused["mirrors"][0]["error"].as_str().unwrap_or_default();
        assert!(error.contains(&status.to_string()), "{error}");
        kubernetes.refuse(None);
        until(&client, "/v1/pods", connected).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_pod_with_gpus_is_a_job_once_until_it_is_gone() -> anyhow::Result<()> {
    let mut kubernetes = KubernetesServer::start()?;
    let place = Place::new()?;
    kubernetes.serve_claims(true);
    kubernetes.put(Object::node("gpu-01", 2));
    kubernetes.put(Object::slice("gpu-01", &[("gpu-0", GPUS[0]), ("gpu-1", GPUS[1])]));
    kubernetes.put(Object::claim("vision", "two", "gpu-01", &["gpu-0", "gpu-1"]));
    let (server, client) = watching(&place, &kubernetes.kubeconfig().to_string_lossy()).await?;
    client.post("/v1/users", json!({"logins": ["ada"]})).await?.done()?;
    let client = client.with_token("test", "full").await?;
    let train = || Object::pod("vision", "train").runs_on("gpu-01").label("dkube.io/user", "ada").claims("two");
    kubernetes.put(train());
    let jobs = until(&client, "/v1/jobs", |list| names(list) == ["train"]).await?;
    let job = &jobs["items"][0];
    assert_eq!(job["devices"], json!(GPUS));
    assert_eq!(job["user"]["login"], "ada");
    assert_eq!(job["source"]["kind"], "observed");
    assert!(
        job["source"]["source"].as_str().is_some_and(|source| source.starts_with("kubernetes/default/vision/train/"))
    );
    let observed = async |client: &Client, name: &str| {
        let history = client.all(&format!("/v1/audit?type={name}"), None).await?;
        anyhow::Ok(history.len())
    };

    // Nothing is ended because nobody can see it, and a restart of the server records nothing anew.
    kubernetes.stop();
    until(&client, "/v1/pods", |list| list["mirrors"][0]["connected"] == false).await?;
    assert_eq!(names(&client.get("/v1/jobs").await?.done()?.body), ["train"]);
    server.kill().await?;
    let (server, _) = watching(&place, &kubernetes.kubeconfig().to_string_lossy()).await?;
    let client = client.at(&server);
    assert_eq!(names(&client.get("/v1/jobs").await?.done()?.body), ["train"]);
    kubernetes.start_again()?;
    until(&client, "/v1/pods", connected).await?;
    // One that begins later shows that all was looked at.
    kubernetes.put(Object::claim("vision", "one", "gpu-01", &["gpu-0"]));
    kubernetes.put(Object::pod("vision", "other").runs_on("gpu-01").claims("one"));
    let both = until(&client, "/v1/jobs", |list| names(list).len() == 2).await?;
    let other = both["items"].as_array().into_iter().flatten().find(|job| job["name"] == "other");
    let breaches = &other.context("the other job")?["source"]["breaches"];
    assert_eq!(breaches.as_array().map(|found| found.contains(&json!("unknown_user"))), Some(true), "{breaches}");
    assert_eq!(observed(&client, "JobObserved").await?, 2);
    assert_eq!(observed(&client, "JobFinished").await?, 0);

    // It goes while the server is away.
    assert!(server.stop().await?.success());
    kubernetes.delete("pods", "vision", "train");
    let (server, _) = watching(&place, &kubernetes.kubeconfig().to_string_lossy()).await?;
    let client = client.at(&server);
    until(&client, "/v1/jobs", |list| names(list) == ["other"]).await?;
    kubernetes.delete("pods", "vision", "other");
    until(&client, "/v1/jobs", |list| names(list).is_empty()).await?;
    assert_eq!((observed(&client, "JobObserved").await?, observed(&client, "JobFinished").await?), (2, 2));
    Ok(())
}

#[tokio::test]
async fn an_agent_elsewhere_tells_over_nats_and_people_see_what_is_theirs() -> anyhow::Result<()> {
    elsewhere(&Cluster::Own(KubernetesServer::start()?)).await
}

#[tokio::test]
async fn an_agent_elsewhere_tells_of_a_real_api_server() -> anyhow::Result<()> {
    match RealKubernetes::start().await? {
        Some(kubernetes) => elsewhere(&Cluster::Real(kubernetes)).await,
        None => Ok(()),
    }
}

async fn elsewhere(kubernetes: &Cluster) -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let place = Place::new()?;
    kubernetes.put(Object::pod("vision", "hers").runs_on("gpu-01").label("dkube.io/user", "ada").asks_for(1)).await?;
    kubernetes.put(Object::pod("vision", "nobodys").runs_on("gpu-01")).await?;
    let server = Server::start(&place, &["--nats", &nats.url()]).await?;
    let client = Client::operator(&server).await?;
    assert_eq!(client.get("/v1/pods").await?.done()?.body["mirrors"], json!([]));
    let kubeconfig = kubernetes.kubeconfig();
    let agent = ["cluster-agent", "--nats", &nats.url(), "--kubeconfig", &kubeconfig, "--kube-cluster", "east"]
        .map(str::to_owned);
    let _agent = place.start(&agent.iter().map(String::as_str).collect::<Vec<_>>())?;
    let pods = until(&client, "/v1/pods?cluster=east", connected).await?;
    assert_eq!(names(&pods), ["hers", "nobodys"]);

    client.post("/v1/users", json!({"logins": ["ada"]})).await?.done()?;
    let password = "a password for the test";
    client.post("/v1/password", json!({"login": "ada", "password": password})).await?.done()?;
    let ada = Client::nobody(&server)?.signed_in("ada", password).await?;
    assert_eq!(names(&ada.get("/v1/pods").await?.done()?.body), ["hers"]);
    assert_eq!(names(&ada.get("/v1/pods?user=bob").await?.done()?.body), Vec::<&str>::new());
    assert_eq!(ada.get("/v1/pods/summary").await?.done()?.body["total"], 1);
    Ok(())
}
