//! The agent's settings: defaults, a file, variables, flags; the later wins.
use super::log_level::{LogLevel, NoLogLevel};
use bus::bus::{Credentials, NatsSettings, Tls};
use clap::{ArgAction, Args, Subcommand, ValueEnum, value_parser};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What the agent is told. In the file, each setting has the name of its flag with `_` for `-`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Arguments {
    /// The settings file (TOML)
    #[arg(long, value_name = "FILE", env = "DKUBE_AGENT_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The name of this node; that of the host, if left out
    #[arg(long, value_name = "NAME", env = "DKUBE_NODE")]
    node: Option<String>,
    /// The NATS server, as `nats://host:4222` or `tls://host:4222`
    #[arg(long, value_name = "URL", env = "DKUBE_NATS")]
    nats: Option<String>,
    /// A NATS credentials file
    #[arg(long, value_name = "FILE", env = "DKUBE_NATS_CREDENTIALS", conflicts_with = "nats_nkey")]
    nats_credentials: Option<PathBuf>,
    /// A file with a NATS nkey seed
    #[arg(long, value_name = "FILE", env = "DKUBE_NATS_NKEY")]
    nats_nkey: Option<PathBuf>,
    /// The certificates (PEM) that the NATS server's one must descend from
    #[arg(long, value_name = "FILE", env = "DKUBE_NATS_CA")]
    nats_ca: Option<PathBuf>,
    /// The certificate (PEM) that is shown to the NATS server
    #[arg(long, value_name = "FILE", env = "DKUBE_NATS_CERT", requires = "nats_key")]
    nats_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", env = "DKUBE_NATS_KEY", requires = "nats_cert")]
    nats_key: Option<PathBuf>,
    /// Speak to a NATS server on another machine without TLS or credentials
    #[arg(long, env = "DKUBE_NATS_INSECURE", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    nats_insecure: Option<bool>,
    /// The folder of what is kept until the server has it [default: /var/lib/dkube-agent]
    #[arg(long, value_name = "FOLDER", env = "DKUBE_AGENT_STATE")]
    state: Option<PathBuf>,
    /// Where NVML may be, joined by commas: the first that can be opened is taken; left out, the usual places
    #[arg(long, value_name = "FILES", env = "DKUBE_NVML_LIBRARY", value_delimiter = ',')]
    #[serde(default)]
    nvml_library: Option<Vec<PathBuf>>,
    /// The kernel's log; "none" to read XIDs from NVML alone [default: /dev/kmsg]
    #[arg(long, value_name = "FILE", env = "DKUBE_KERNEL_LOG")]
    kernel_log: Option<PathBuf>,
    /// Where the host's files are, for an agent in a container [default: /]
    #[arg(long, value_name = "FOLDER", env = "DKUBE_HOST_ROOT")]
    host_root: Option<PathBuf>,
    /// A health policy in place of the built-in one, which `policy` prints
    #[arg(long, value_name = "FILE", env = "DKUBE_AGENT_POLICY")]
    policy: Option<PathBuf>,
    /// Seconds from one look at the GPUs to the next, 1 to 60 [default: 1]
    #[arg(long, value_name = "SECONDS", env = "DKUBE_LOOK_EVERY", value_parser = value_parser!(u64).range(1..=60))]
    look_every: Option<u64>,
    /// Seconds from one frame of telemetry to the next, 1 to 60: the node's sign of life [default: 10]
    #[arg(long, value_name = "SECONDS", env = "DKUBE_FRAME_EVERY", value_parser = value_parser!(u64).range(1..=60))]
    frame_every: Option<u64>,
    /// The form of log lines [default: text]
    #[arg(long, value_enum, value_name = "FORM", env = "DKUBE_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Which log lines are written: error, warn, info, debug, trace, or by module [default: info]
    #[arg(long, value_name = "FILTER", env = "DKUBE_LOG_LEVEL")]
    log_level: Option<String>,
    /// Only say whether an agent of these settings could work here: one that runs is not disturbed
    #[arg(long)]
    #[serde(skip)]
    pub(super) check: bool,
    #[command(subcommand)]
    #[serde(skip)]
    pub(super) command: Option<Command>,
}

/// What the program does instead of running.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Print the built-in health policy, to be changed and given back with --policy
    Policy {
        /// Print the signals that a policy can speak of
        #[arg(long)]
        signals: bool,
    },
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line of text.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read, or is no settings file.
    #[error("the settings file {}: {wrong}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        wrong: String,
    },
    /// A setting.
    #[error("the setting {name}: {rule}")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// What it has to be.
        rule: String,
    },
}

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) node: Option<String>,
    pub(super) nats: NatsSettings,
    pub(super) state: PathBuf,
    pub(super) nvml_libraries: Vec<PathBuf>,
    pub(super) kernel_log: Option<PathBuf>,
    pub(super) host_root: PathBuf,
    pub(super) policy: Option<PathBuf>,
    pub(super) look_every: Duration,
    pub(super) frame_every: Duration,
    pub(super) log_format: LogFormat,
    pub(super) log_level: LogLevel,
}

impl Settings {
    /// What the arguments and the file that they name say together.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn load(arguments: Arguments) -> Result<Self, SettingsError> {
        let file = match &arguments.config {
            Some(path) => read(path)?,
            None => Arguments::default(),
        };
        let all = arguments.over(file);
        let path = |path: Option<PathBuf>, default: &str| path.unwrap_or_else(|| PathBuf::from(default));
        let seconds = |name, value: Option<u64>, default| match value.unwrap_or(default) {
            value @ 1..=60 => Ok(Duration::from_secs(value)),
            _ => Err(SettingsError::Wrong { name, rule: "it is 1 to 60 seconds".to_owned() }),
        };
        let kernel_log = path(all.kernel_log.clone(), "/dev/kmsg");
        Ok(Self {
            nats: nats(&all)?,
            node: all.node,
            state: path(all.state, "/var/lib/dkube-agent"),
            nvml_libraries: all.nvml_library.unwrap_or_default(),
            kernel_log: (kernel_log != Path::new("none")).then_some(kernel_log),
            host_root: path(all.host_root, "/"),
            policy: all.policy,
            look_every: seconds("look_every", all.look_every, 1)?,
            frame_every: seconds("frame_every", all.frame_every, 10)?,
            log_format: all.log_format.unwrap_or_default(),
            log_level: log_level(all.log_level.as_deref())?,
        })
    }
}

fn log_level(text: Option<&str>) -> Result<LogLevel, SettingsError> {
    let wrong = |text: &str, error| SettingsError::Wrong { name: "log_level", rule: format!("{text:?}: {error}") };
    text.map_or_else(|| Ok(LogLevel::default()), |text| text.parse().map_err(|error: NoLogLevel| wrong(text, error)))
}

fn read(path: &Path) -> Result<Arguments, SettingsError> {
    let wrong = |wrong: String| SettingsError::File { path: path.to_owned(), wrong };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}

impl Arguments {
    /// These, and where they say nothing, the others.
    fn over(self, other: Self) -> Self {
        Self {
            config: self.config,
            check: self.check,
            command: self.command,
            node: self.node.or(other.node),
            nats: self.nats.or(other.nats),
            nats_credentials: self.nats_credentials.or(other.nats_credentials),
            nats_nkey: self.nats_nkey.or(other.nats_nkey),
            nats_ca: self.nats_ca.or(other.nats_ca),
            nats_cert: self.nats_cert.or(other.nats_cert),
            nats_key: self.nats_key.or(other.nats_key),
            nats_insecure: self.nats_insecure.or(other.nats_insecure),
            state: self.state.or(other.state),
            nvml_library: self.nvml_library.or(other.nvml_library),
            kernel_log: self.kernel_log.or(other.kernel_log),
            host_root: self.host_root.or(other.host_root),
            policy: self.policy.or(other.policy),
            look_every: self.look_every.or(other.look_every),
            frame_every: self.frame_every.or(other.frame_every),
            log_format: self.log_format.or(other.log_format),
            log_level: self.log_level.or(other.log_level),
        }
    }
}

fn nats(all: &Arguments) -> Result<NatsSettings, SettingsError> {
    let rule = |name, rule: &str| SettingsError::Wrong { name, rule: rule.to_owned() };
    let url = all.nats.clone().ok_or_else(|| rule("nats", "say where the server listens: nats://host:4222"))?;
    let credentials = match (&all.nats_credentials, &all.nats_nkey) {
        (Some(_), Some(_)) => return Err(rule("nats_nkey", "nats_credentials is set as well: use one of them")),
        (Some(path), None) => Credentials::File(path.clone()),
        (None, Some(path)) => Credentials::NkeySeedFile(path.clone()),
        (None, None) => Credentials::None,
    };
    let certificate = match (&all.nats_cert, &all.nats_key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => return Err(rule("nats_cert", "nats_cert and nats_key go together")),
    };
    let required = url.starts_with("tls://") || all.nats_ca.is_some() || certificate.is_some();
    let settings = NatsSettings {
        credentials,
        tls: Tls { required, first: false, authorities: all.nats_ca.clone(), certificate },
        allow_insecure: all.nats_insecure.unwrap_or_default(),
        ..NatsSettings::new(url, "dkube-agent")
    };
    match settings.servers() {
        Ok(_) => Ok(settings),
        Err(error) => Err(rule("nats", &error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn load(arguments: &[&str]) -> Result<Settings, SettingsError> {
        let all = ["dkube-agent"].iter().chain(arguments);
        Settings::load(Program::try_parse_from(all).expect("they are arguments").arguments)
    }

    #[test]
    fn only_the_server_has_to_be_said() {
        let settings = load(&["--nats", "nats://127.0.0.1:4222"]).unwrap();
        assert_eq!((settings.look_every, settings.frame_every), (Duration::from_secs(1), Duration::from_secs(10)));
        assert_eq!(settings.kernel_log.as_deref(), Some(Path::new("/dev/kmsg")));
        assert_eq!(
            load(&[]).unwrap_err().to_string(),
            "the setting nats: say where the server listens: nats://host:4222"
        );
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        let file = "node = \"from-file\"\nnats = \"nats://127.0.0.1:1\"\nlook_every = 5\nnvml_library = [\"/a.so\", \"/b.so\"]\nkernel_log = \"none\"\n";
        std::fs::write(&path, file).unwrap();
        let config = path.to_str().unwrap();
        let settings = load(&["--config", config, "--node", "from-flag"]).unwrap();
        assert_eq!((settings.node.as_deref(), settings.look_every.as_secs()), (Some("from-flag"), 5));
        assert_eq!((settings.nvml_libraries.len(), settings.kernel_log), (2, None));
        std::fs::write(&path, "look_evry = 5\n").unwrap();
        assert!(load(&["--config", config]).unwrap_err().to_string().contains("look_evry"));
        std::fs::write(&path, "nats = \"nats://127.0.0.1:1\"\nlook_every = 0\n").unwrap();
        assert_eq!(
            load(&["--config", config]).unwrap_err().to_string(),
            "the setting look_every: it is 1 to 60 seconds"
        );
    }

    #[test]
    fn a_level_that_there_is_not_is_refused_wherever_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, "nats = \"nats://127.0.0.1:1\"\nlog_level = \"loud\"\n").unwrap();
        let file = load(&["--config", path.to_str().unwrap()]).unwrap_err().to_string();
        let flag = load(&["--nats", "nats://127.0.0.1:1", "--log-level", "loud"]).unwrap_err().to_string();
        assert_eq!(file, flag);
        assert!(
            flag.starts_with("the setting log_level: \"loud\": a level is error, warn, info, debug or trace"),
            "{flag}"
        );
        assert!(load(&["--nats", "nats://127.0.0.1:1", "--log-level", "info,bus=debug"]).is_ok());
    }

    #[test]
    fn another_machine_needs_protection() {
        assert!(load(&["--nats", "nats://nats.example:4222"]).unwrap_err().to_string().contains("needs TLS"));
        assert!(load(&["--nats", "nats://nats.example:4222", "--nats-insecure"]).is_ok());
        let error = load(&["--nats", "nats://ada:hunter2@127.0.0.1:4222"]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
