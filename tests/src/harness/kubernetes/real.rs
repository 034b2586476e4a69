//! Kubernetes' own API server over etcd, where `KUBEBUILDER_ASSETS` names a folder that holds `kube-apiserver` and `etcd`: the
//! convention of controller-runtime's envtest.
use super::Object;
use crate::harness::{LIMIT, Secrets, nats::free_port, proxy::Proxy};
use anyhow::{Context, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Who may do everything.
const TOKEN: &str = "a-token-for-the-tests";

/// An API server with nobody who runs anything, and a proxy before it. It ends when this is dropped.
#[derive(Debug)]
pub struct RealKubernetes {
    assets: PathBuf,
    folder: TempDir,
    secrets: Secrets,
    /// Where etcd is: for its clients, and for other etcds.
    etcd_ports: [u16; 2],
    port: u16,
    proxy: Proxy,
    client: Client,
    _etcd: Process,
    server: Process,
}

/// Killed when this is dropped.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Either it has ended by itself, or it ends now.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl RealKubernetes {
    /// Starts one with nothing in it; none where `KUBEBUILDER_ASSETS` is not set.
    ///
    /// # Errors
    /// It does not start within [`LIMIT`].
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(assets) = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
            println!("not run: KUBEBUILDER_ASSETS does not name a folder with kube-apiserver and etcd");
            return Ok(None);
        };
        let folder = tempfile::tempdir().context("make a folder for Kubernetes")?;
        let secrets = Secrets::make()?;
        let authority = reqwest::Certificate::from_pem(&fs::read(secrets.path("ca.pem"))?)?;
        let client = Client::builder().no_proxy().timeout(LIMIT).tls_certs_only([authority]).build()?;
        fs::write(folder.path().join("tokens.csv"), format!("{TOKEN},tests,tests,system:masters\n"))?;
        let (etcd_ports, port) = ([free_port()?, free_port()?], free_port()?);
        let proxy = Proxy::before(port).await?;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{}", proxy.port()), "certificate-authority": secrets.path("ca.pem") } }],
            "users": [{ "name": "test", "user": { "token": TOKEN } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        });
        fs::write(folder.path().join("kubeconfig"), config.to_string()).context("write the kubeconfig")?;
        let etcd = etcd(&assets, folder.path(), etcd_ports)?;
        let server = server(&assets, folder.path(), &secrets, etcd_ports[0], port)?;
        let started = Self { assets, folder, secrets, etcd_ports, port, proxy, client, _etcd: etcd, server };
        started.ready().await?;
        Ok(Some(started))
    }

    /// The file that says how it is reached, through the proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Cuts it off from those who use the kubeconfig. The tests reach it still.
    pub fn cut(&self) {
        self.proxy.cut();
    }

    /// Kills its API server, starts another on the same etcd, and lets through who uses the kubeconfig.
    ///
    /// # Errors
    /// It does not start within [`LIMIT`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        drop(self.server.0.kill());
        self.server.0.wait().context("the API server does not end")?;
        self.server = server(&self.assets, self.folder.path(), &self.secrets, self.etcd_ports[0], self.port)?;
        self.ready().await?;
        self.proxy.pass();
        Ok(())
    }

    /// Makes an object, with its status.
    ///
    /// # Errors
    /// The API server refuses it, or it is of a kind that is not put there.
    pub async fn put(&self, object: Object) -> anyhow::Result<()> {
        let (namespace, name) = object.key();
        let Object { kind, mut value } = object;
        let path = match kind {
            "nodes" => "/api/v1/nodes".to_owned(),
            "pods" => {
                let of = json!({ "metadata": { "name": namespace } });
                let made = self.ask(Method::POST, "/api/v1/namespaces", Some(&of)).await?;
                ensure!(made.0.is_success() || made.0 == StatusCode::CONFLICT, "a namespace: {made:?}");
                for container in value["spec"]["containers"].as_array_mut().into_iter().flatten() {
                    container["image"] = "none".into();
                }
                format!("/api/v1/namespaces/{namespace}/pods")
            }
            kind => bail!("{kind} are put into the tests' own API server alone"),
        };
        // What an API server writes itself.
        for field in ["managedFields", "creationTimestamp"] {
            value["metadata"].as_object_mut().and_then(|fields| fields.remove(field));
        }
        let status = value["status"].take();
        let (answered, mut made) = self.ask(Method::POST, &path, Some(&value)).await?;
        ensure!(answered.is_success(), "{path}: {answered} {made}");
        if status != json!({ "phase": "Pending" }) {
            made["status"] = status;
            let (answered, told) = self.ask(Method::PUT, &format!("{path}/{name}/status"), Some(&made)).await?;
            ensure!(answered.is_success(), "the status of {path}/{name}: {answered} {told}");
        }
        Ok(())
    }

    /// Takes a pod away at once.
    ///
    /// # Errors
    /// The API server does not.
    pub async fn delete_pod(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}?gracePeriodSeconds=0");
        let (answered, told) = self.ask(Method::DELETE, &path, None).await?;
        ensure!(answered.is_success(), "{path}: {answered} {told}");
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.client.request(method, format!("https://127.0.0.1:{}{path}", self.port)).bearer_auth(TOKEN);
        let answer = match body {
            Some(body) => request.json(body).send().await?,
            None => request.send().await?,
        };
        let status = answer.status();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null)))
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Ok((StatusCode::OK, _)) = self.ask(Method::GET, "/readyz", None).await {
                return Ok(());
            }
            let said = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            ensure!(Instant::now() < deadline, "the API server is not ready:\n{}", said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn run(mut command: Command, folder: &Path) -> anyhow::Result<Process> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().map(Process).with_context(|| format!("start {}", command.get_program().display()))
}

fn etcd(assets: &Path, folder: &Path, [clients, peers]: [u16; 2]) -> anyhow::Result<Process> {
    let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
    let mut command = Command::new(assets.join("etcd"));
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    run(command, folder)
}

fn server(assets: &Path, folder: &Path, secrets: &Secrets, etcd: u16, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new(assets.join("kube-apiserver"));
    let key = secrets.path("server.key");
    command.args([&format!("--etcd-servers=http://127.0.0.1:{etcd}"), &format!("--secure-port={port}")]);
    command.args(["--bind-address=127.0.0.1", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC"]);
    command.args(["--disable-admission-plugins=ServiceAccount", "--service-account-issuer=https://kubernetes.test"]);
    for (flag, file) in [
        ("--cert-dir", folder.join("certificates")),
        ("--token-auth-file", folder.join("tokens.csv")),
        ("--tls-cert-file", secrets.path("server.pem")),
        ("--tls-private-key-file", key.clone()),
        ("--service-account-key-file", secrets.path("server.pem")),
        ("--service-account-signing-key-file", key),
    ] {
        command.arg(flag).arg(file);
    }
    run(command, folder)
}
