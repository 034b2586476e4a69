//! A host with fake GPUs, and the node agent on it: the program itself, which can be killed and started again.
use super::{FakeNvml, LIMIT, nvml_state::State, server::build};
use anyhow::{Context, ensure};
use bus::clock::{Clock, SystemClock, SystemEntropy, time_ordered_id};
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// A host: its GPUs, what its kernel says of itself, and its agent's folder.
#[derive(Debug)]
pub struct Host {
    folder: TempDir,
    name: String,
    /// Its GPUs.
    pub nvml: FakeNvml,
}

/// A running agent. Killed when this is dropped.
#[derive(Debug)]
pub struct NodeAgent(Child);

impl Host {
    /// A host of this name with so many sound GPUs, that runs for a day. Made before any server is asked: it may be that
    /// something has to be built first.
    ///
    /// # Errors
    /// The fake library can't be built, or the disk fails.
    pub fn new(name: &str, gpus: u8) -> anyhow::Result<Self> {
        // Before anything waits for it.
        build::agent()?;
        let folder = tempfile::tempdir().context("make a folder for a host")?;
        let nvml = FakeNvml::new(folder.path(), State::with_gpus(gpus))?;
        let host = Self { folder, name: name.to_owned(), nvml };
        for part in ["root/proc/sys/kernel/random", "root/etc"] {
            fs::create_dir_all(host.path(part))?;
        }
        fs::write(host.path("root/proc/uptime"), "86400.00 86400.00\n")?;
        fs::write(host.path("root/proc/stat"), "cpu  1 2\ncpu0 1 2\nbtime 1772366400\n")?;
        fs::write(host.path("root/proc/meminfo"), "MemTotal:       16307932 kB\n")?;
        fs::write(host.path("root/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(host.path("kmsg"), "")?;
        host.restart()?;
        host.nvml.change(|state| state.gpus.iter_mut().for_each(|gpu| gpu.energy_mj = Some(9_000_000)))?;
        Ok(host)
    }

    /// A path in its folder.
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The host is started anew: another boot, in which no GPU is lost and every counter begins anew.
    ///
    /// # Errors
    /// The disk fails.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.nvml.change(|state| {
            for gpu in &mut state.gpus {
                (gpu.lost, gpu.energy_mj) = (false, Some(0));
            }
        })?;
        let boot = time_ordered_id(SystemClock.now(), &SystemEntropy);
        self.write("root/proc/sys/kernel/random/boot_id", &boot.to_string())
    }

    /// A GPU is reset: its counters begin anew.
    ///
    /// # Errors
    /// The disk fails.
    pub fn reset(&self, gpu: usize) -> anyhow::Result<()> {
        self.nvml.change(|state| state.gpus[gpu].energy_mj = Some(0))
    }

    /// Its kernel logs an XID of that GPU.
    ///
    /// # Errors
    /// The disk fails.
    pub fn log_xid(&self, sequence: u64, gpu: usize, code: u32) -> anyhow::Result<()> {
        let state = self.nvml.state();
        let slot = &state.gpus.get(gpu).context("there is no such GPU")?.pci_bus_id;
        // The kernel says four digits of the domain, and no function.
        let slot = slot.get(4..14).context("a PCI address has eight digits of domain")?.to_lowercase();
        let mut log = File::options().append(true).open(self.path("kmsg"))?;
        let line = format!(
            "4,{sequence},{},-;NVRM: Xid (PCI:{slot}): {code}, pid=77, name=python, a fault\n",
            sequence * 1_000_000
        );
        Ok(log.write_all(line.as_bytes())?)
    }

    /// Starts its agent, which reports to that NATS server.
    ///
    /// # Errors
    /// It can't be built, or does not start.
    pub fn agent(&self, nats: &str, flags: &[&str]) -> anyhow::Result<NodeAgent> {
        let log = File::options().create(true).append(true).open(self.path("log")).context("open the agent's log")?;
        let child = self
            .command()?
            .args(["--node", &self.name, "--nats", nats])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("start dkube-agent")?;
        Ok(NodeAgent(child))
    }

    /// What its agent has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The agent's program, with the settings of this host and no others.
    ///
    /// # Errors
    /// It can't be built.
    pub fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(build::agent()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DKUBE_")) {
            command.env_remove(name);
        }
        command
            .env("DKUBE_AGENT_STATE", self.path("state"))
            .env("DKUBE_FRAME_EVERY", "1")
            .env("DKUBE_NVML_LIBRARY", self.nvml.library())
            .env("DKUBE_KERNEL_LOG", self.path("kmsg"))
            .env("DKUBE_HOST_ROOT", self.path("root"));
        Ok(command)
    }

    /// Whole or not there: the agent looks at any moment.
    fn write(&self, part: &str, text: &str) -> anyhow::Result<()> {
        let (new, path) = (self.path("new"), self.path(part));
        fs::write(&new, text)?;
        Ok(fs::rename(new, path)?)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The test runner shows this where the test fails, and throws it away otherwise.
        eprintln!("{}", self.log());
    }
}

impl NodeAgent {
    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.0.id()
    }

    /// Ends it as a crash would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// It was gone already, of itself.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        ensure!(self.0.try_wait()?.is_none(), "dkube-agent had ended before it was killed");
        self.0.kill().await.context("kill dkube-agent")
    }

    /// Asks it to stop (SIGTERM), and waits until it has ended.
    ///
    /// # Errors
    /// It does not end within [`LIMIT`].
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let pid = self.pid().context("dkube-agent has ended already")?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status().await?.success(), "it could not be told to stop");
        timeout(LIMIT, self.0.wait()).await.context("dkube-agent does not end")?.context("wait for dkube-agent")
    }
}
