//! How a cluster's API server is reached.
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use std::{path::PathBuf, time::Duration};

/// How to reach a cluster's API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// As the current context of this file says.
    Kubeconfig(PathBuf),
    /// By the service account of the pod that this runs in.
    InCluster,
}

/// The access can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file can't be read, or names no cluster.
    #[error("use the kubeconfig {path}")]
    Kubeconfig {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This does not run in a pod, or its pod has no service account.
    #[error("use the service account of this pod")]
    InCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The certificates or credentials can't be used.
    #[error("make a Kubernetes client")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

impl Access {
    /// A client. Does not speak to the API server yet.
    pub(super) async fn connect(&self) -> Result<Client, ConnectError> {
        bus::bus::choose_cryptography();
        let mut config = match self {
            Self::Kubeconfig(path) => {
                let failed = |source| ConnectError::Kubeconfig { path: path.clone(), source };
                let file = Kubeconfig::read_from(path).map_err(|error| failed(error.into()))?;
                let options = KubeConfigOptions::default();
                Config::from_custom_kubeconfig(file, &options).await.map_err(|error| failed(error.into()))?
            }
            Self::InCluster => Config::incluster().map_err(|error| ConnectError::InCluster(error.into()))?,
        };
        config.connect_timeout = Some(CONNECT_WITHIN);
        // Who follows tries again by itself, and tells meanwhile that the API server is away.
        config.default_retry = false;
        Client::try_from(config).map_err(|error| ConnectError::Client(error.into()))
    }
}
