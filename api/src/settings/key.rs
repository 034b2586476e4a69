//! Which settings there are: one table, of which the flags, the variables, the keys of the file and `config show` are made.

/// A setting of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The data folder.
    Data,
    /// The file with the master key.
    MasterKey,
    /// The address to listen on.
    Listen,
    /// The server's certificate.
    TlsCert,
    /// Its private key.
    TlsKey,
    /// Whether to listen in clear on an address that is not loopback.
    InsecureListen,
    /// The address that people reach the server at.
    PublicUrl,
    /// The NATS server.
    Nats,
    /// The NATS credentials file.
    NatsCredentials,
    /// The file with the NATS nkey seed.
    NatsNkey,
    /// The certificates that the NATS server's one must descend from.
    NatsCa,
    /// The certificate shown to the NATS server.
    NatsCert,
    /// Its private key.
    NatsKey,
    /// Whether to speak to a NATS server elsewhere without TLS or credentials.
    NatsInsecure,
    /// The simulated fleet.
    Simulate,
    /// The seed of the simulated fleet.
    SimulateSeed,
    /// The first operator's login.
    OperatorLogin,
    /// The first operator's first password.
    OperatorPassword,
    /// A file that holds it.
    OperatorPasswordFile,
    /// After how many events the read models are saved.
    SnapshotEvery,
    /// Whether devices that are seen for the first time start cordoned.
    CordonNewDevices,
    /// How long a node may be silent.
    NodeLease,
    /// How much memory the past of what is measured takes.
    TelemetryMemory,
    /// Whether processes on GPUs are recorded as jobs.
    ObserveProcesses,
    /// The file that says how a Kubernetes cluster is reached.
    Kubeconfig,
    /// Whether the cluster is the one that this runs in.
    InCluster,
    /// What the Kubernetes cluster is called.
    KubeCluster,
    /// The label that names a pod's user.
    KubeUserLabel,
    /// Whether only pods that ask for GPUs are mirrored.
    KubeGpuPodsOnly,
    /// How long a GPU pod runs before it is a job.
    KubeJobAfter,
    /// The file with the vendor's key.
    LicenseKey,
    /// The proxies that are believed.
    TrustedProxies,
    /// The most requests of one address at a time.
    RequestsPerAddress,
    /// Whether `/metrics` is open to all.
    MetricsOpen,
    /// The networks that the break-glass operator may come from.
    BreakGlassFrom,
    /// The private networks that this server may ask.
    EgressAllow,
    /// Whether this server may ask everything, in clear too.
    InsecureEgress,
    /// The free space below which the server takes no commands.
    FreeSpaceFloor,
    /// The form of log lines.
    LogFormat,
    /// Which log lines are written.
    LogLevel,
}

/// What kind of value a setting has in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number,
    /// Text that is never shown, and is taken from the environment alone.
    Secret,
}

/// What is known of a setting before anybody sets it.
pub(super) struct Description {
    /// Its one name: `nats_ca` in the file, `--nats-ca` as a flag, `DKUBE_NATS_CA` as a variable.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) default: Option<&'static str>,
    /// What stands for the value in the help.
    pub(super) value: &'static str,
    pub(super) help: &'static str,
}

impl Key {
    /// Every setting, in the order in which they are shown.
    pub const ALL: [Self; 40] = [
        Self::Data,
        Self::MasterKey,
        Self::Listen,
        Self::TlsCert,
        Self::TlsKey,
        Self::InsecureListen,
        Self::PublicUrl,
        Self::Nats,
        Self::NatsCredentials,
        Self::NatsNkey,
        Self::NatsCa,
        Self::NatsCert,
        Self::NatsKey,
        Self::NatsInsecure,
        Self::Simulate,
        Self::SimulateSeed,
        Self::OperatorLogin,
        Self::OperatorPassword,
        Self::OperatorPasswordFile,
        Self::SnapshotEvery,
        Self::CordonNewDevices,
        Self::NodeLease,
        Self::TelemetryMemory,
        Self::ObserveProcesses,
        Self::Kubeconfig,
        Self::InCluster,
        Self::KubeCluster,
        Self::KubeUserLabel,
        Self::KubeGpuPodsOnly,
        Self::KubeJobAfter,
        Self::LicenseKey,
        Self::TrustedProxies,
        Self::RequestsPerAddress,
        Self::MetricsOpen,
        Self::BreakGlassFrom,
        Self::EgressAllow,
        Self::InsecureEgress,
        Self::FreeSpaceFloor,
        Self::LogFormat,
        Self::LogLevel,
    ];

    /// Its name, as the file spells it.
    pub const fn name(self) -> &'static str {
        self.description().name
    }

    /// Its flag: `--nats-ca`.
    pub fn flag(self) -> String {
        format!("--{}", self.long())
    }

    /// Its environment variable: `DKUBE_NATS_CA`.
    pub fn variable(self) -> String {
        format!("{}{}", super::environment::PREFIX, self.name().to_ascii_uppercase())
    }

    pub(crate) fn long(self) -> String {
        self.name().replace('_', "-")
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    pub(super) const fn description(self) -> Description {
        match self {
            Self::Data => text("data", Some("./dkube-data"), "FOLDER", "Where the log and all else is kept"),
            Self::MasterKey => text(
                "master_key",
                None,
                "FILE",
                "The key under which personal data and secrets are sealed; left out: master.key in the data folder",
            ),
            Self::Listen | Self::TlsCert | Self::TlsKey | Self::InsecureListen | Self::PublicUrl => self.of_listening(),
            Self::Nats => {
                text("nats", None, "URL", "The NATS server, as nats://host:4222; left out: the bus is in this process")
            }
            Self::NatsCredentials => {
                text("nats_credentials", None, "FILE", "The NATS credentials file (user JWT and nkey seed)")
            }
            Self::NatsNkey => text("nats_nkey", None, "FILE", "A file with the NATS nkey seed"),
            Self::NatsCa => {
                text("nats_ca", None, "FILE", "The PEM certificates that the NATS server's one must descend from")
            }
            Self::NatsCert => text("nats_cert", None, "FILE", "The PEM certificate to show to the NATS server"),
            Self::NatsKey => text("nats_key", None, "FILE", "The PEM private key of that certificate"),
            Self::NatsInsecure => switch(
                "nats_insecure",
                "Speak to a NATS server that is not loopback without TLS or without credentials",
            ),
            Self::Simulate => {
                text("simulate", None, "NODESxGPUS", "Simulate a fleet, as 4x8; the log is a demonstration for ever")
            }
            Self::SimulateSeed => Description {
                name: "simulate_seed",
                shape: Shape::Number,
                default: Some("1"),
                value: "NUMBER",
                help: "The seed of the simulated fleet and its faults",
            },
            Self::OperatorLogin => {
                text("operator_login", Some("operator"), "LOGIN", "The first operator, made when the log is founded")
            }
            Self::OperatorPassword => Description {
                name: "operator_password",
                shape: Shape::Secret,
                default: None,
                value: "PASSWORD",
                help: "The first operator's first password; left out: one is made",
            },
            Self::OperatorPasswordFile => {
                text("operator_password_file", None, "FILE", "A file that holds the first operator's first password")
            }
            Self::SnapshotEvery => {
                text("snapshot_every", Some("250000"), "EVENTS", "After how many events the read models are saved")
            }
            Self::CordonNewDevices | Self::NodeLease | Self::TelemetryMemory | Self::ObserveProcesses => {
                self.of_fleet()
            }
            Self::Kubeconfig
            | Self::InCluster
            | Self::KubeCluster
            | Self::KubeUserLabel
            | Self::KubeGpuPodsOnly
            | Self::KubeJobAfter => self.of_kubernetes(),
            Self::LicenseKey => text(
                "license_key",
                None,
                "FILE",
                "The vendor's Ed25519 public key (PEM): new things then need a license; left out: no limits",
            ),
            Self::TrustedProxies => text(
                "trusted_proxies",
                None,
                "ADDRESSES",
                "Proxies before this server whose X-Forwarded-For is believed, as 127.0.0.1,10.0.0.7",
            ),
            Self::RequestsPerAddress => Description {
                name: "requests_per_address",
                shape: Shape::Number,
                default: Some("128"),
                value: "NUMBER",
                help: "Answer at most so many requests of one address (IPv6: /64) at a time, of 1024 in all; \
                       everybody behind a proxy that is not trusted is one address",
            },
            Self::MetricsOpen => switch("metrics_open", "Let everybody read /metrics, without signing in"),
            Self::BreakGlassFrom | Self::EgressAllow | Self::InsecureEgress => self.of_networks(),
            Self::FreeSpaceFloor => text(
                "free_space_floor",
                Some("256MiB"),
                "SIZE",
                "Take no commands while the disk has less free space than this, as 512MiB or 2GiB",
            ),
            Self::LogFormat => text("log_format", Some("text"), "FORMAT", "The form of log lines: text or json"),
            Self::LogLevel => text(
                "log_level",
                Some("info"),
                "LEVEL",
                "Which log lines are written: error, warn, info, debug or trace, or a filter as info,bus=debug",
            ),
        }
    }

    /// Of those that are about how the server is reached.
    const fn of_listening(self) -> Description {
        match self {
            Self::Listen => text("listen", Some("127.0.0.1:8080"), "ADDRESS", "The address and port to listen on"),
            Self::TlsCert => text(
                "tls_cert",
                None,
                "FILE",
                "Speak TLS with the certificate in this PEM file, its chain behind it; read again when it changes. One that has ended \
                 is shown at a start, with an error in the log and an alert; a renewed one takes its place only once it holds",
            ),
            Self::TlsKey => text("tls_key", None, "FILE", "The PEM private key of that certificate"),
            Self::InsecureListen => switch(
                "insecure_listen",
                "Listen in clear on an address that is not loopback: a proxy ends TLS before it",
            ),
            _ => text("public_url", None, "URL", "The address that people reach this server at"),
        }
    }

    /// Of those that are about the fleet.
    const fn of_fleet(self) -> Description {
        match self {
            Self::CordonNewDevices => {
                switch("cordon_new_devices", "Devices that are seen for the first time start cordoned")
            }
            Self::NodeLease => text(
                "node_lease",
                Some("90s"),
                "TIME",
                "How long a node may be silent before it is lost and its devices unknown, as 90s or 5m",
            ),
            Self::TelemetryMemory => text(
                "telemetry_memory",
                Some("256MiB"),
                "SIZE",
                "How much memory the past of utilization, memory, temperature and power may take, as 256MiB",
            ),
            _ => Description {
                default: Some("true"),
                ..switch(
                    "observe_processes",
                    "Record processes that use GPUs for a minute, of no pod and of no job started here, as jobs",
                )
            },
        }
    }

    /// Of those that are about networks besides those that it listens to.
    const fn of_networks(self) -> Description {
        match self {
            Self::BreakGlassFrom => text(
                "break_glass_from",
                None,
                "NETWORKS",
                "The networks that the first operator, who remains under every sign-in backend, may come from, \
                 as 10.1.0.0/16,127.0.0.1; from everywhere where it is left out",
            ),
            Self::EgressAllow => text(
                "egress_allow",
                None,
                "NETWORKS",
                "Private networks with sign-in providers and the like that this server may ask, as 10.1.0.0/16,192.168.7.9",
            ),
            _ => switch(
                "insecure_egress",
                "Ask sign-in providers and the like at every address, this machine's too, and in clear: for demonstrations",
            ),
        }
    }

    /// Of those that are about Kubernetes.
    const fn of_kubernetes(self) -> Description {
        match self {
            Self::Kubeconfig => {
                text("kubeconfig", None, "FILE", "Watch the Kubernetes cluster of this file's current context")
            }
            Self::InCluster => switch(
                "in_cluster",
                "Watch the Kubernetes cluster that this runs in, by the service account of its pod",
            ),
            Self::KubeCluster => {
                text("kube_cluster", Some("default"), "NAME", "What the watched Kubernetes cluster is called here")
            }
            Self::KubeUserLabel => text(
                "kube_user_label",
                Some("dkube.io/user"),
                "LABEL",
                "The label, or else the annotation, that names a pod's user by login",
            ),
            Self::KubeGpuPodsOnly => switch("kube_gpu_pods_only", "Mirror only pods that ask for GPUs"),
            _ => text(
                "kube_job_after",
                Some("10s"),
                "TIME",
                "How long a pod with GPUs runs before it is recorded as a job, as 10s or 1m",
            ),
        }
    }
}

const fn text(
    name: &'static str,
    default: Option<&'static str>,
    value: &'static str,
    help: &'static str,
) -> Description {
    Description { name, shape: Shape::Text, default, value, help }
}

const fn switch(name: &'static str, help: &'static str) -> Description {
    Description { name, shape: Shape::Switch, default: Some("false"), value: "BOOL", help }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_setting_is_listed_once_and_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Key::ALL.iter().map(|key| key.name()).collect();
        assert_eq!(names.len(), Key::ALL.len());
        assert!(Key::ALL.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the enum, none left out twice");
        assert_eq!(Key::ALL.len(), Key::LogLevel as usize + 1);
    }

    #[test]
    fn the_fixed_names_hold() {
        assert_eq!((Key::Data.flag().as_str(), Key::Data.variable().as_str()), ("--data", "DKUBE_DATA"));
        assert_eq!(Key::PublicUrl.flag(), "--public-url");
        assert_eq!(Key::OperatorPassword.variable(), "DKUBE_OPERATOR_PASSWORD");
    }
}
