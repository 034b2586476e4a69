//! Lines of the kernel's log (`Documentation/ABI/testing/dev-kmsg`), and the XIDs in them.
use domain::device::Slot;
use std::time::Duration;

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Its number: they rise, and begin anew when the host starts.
    pub sequence: u64,
    /// When it was logged, since the host started.
    pub uptime: Duration,
    pub text: &'a str,
}

/// What an XID's line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Xid<'a> {
    pub slot: Slot,
    pub code: u32,
    pub gpu_instance: Option<u32>,
    pub pid: Option<u32>,
    pub detail: &'a str,
}

/// A record as `priority,sequence,microseconds,flags[,…];text`. None, if the line is not one: a continuation line (it
/// begins with a space), or nothing known; or if it is not the kernel's own. Who writes into the log from outside can't
/// give it the kernel's facility, which is 0.
pub(super) fn record(line: &str) -> Option<Record<'_>> {
    let (head, text) = line.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    if priority >> 3 != 0 {
        return None;
    }
    let sequence = fields.next()?.parse().ok()?;
    let uptime = Duration::from_micros(fields.next()?.parse().ok()?);
    Some(Record { sequence, uptime, text })
}

/// The XID that the driver logs as
/// `NVRM: Xid (PCI:0000:b3:00 GPU-I:05 GPU-CI:00): 94, pid=1234, name=python, Contained: …`, where the instances, the
/// process and its name may be missing. It stands at the beginning: further on, the kernel repeats what users chose, as the
/// names of control groups.
pub(super) fn xid(text: &str) -> Option<Xid<'_>> {
    let rest = text.strip_prefix("nvidia: ").unwrap_or(text).strip_prefix("NVRM: Xid (")?;
    let (place, rest) = rest.split_once("):")?;
    let mut words = place.split_whitespace();
    let address = words.next()?;
    let slot = address.strip_prefix("PCI:").unwrap_or(address).parse().ok()?;
    // As the driver prints it (`GPU-I:%02u`): decimal.
    let gpu_instance = words.find_map(|word| word.strip_prefix("GPU-I:")).and_then(|number| number.parse().ok());
    let (code, mut detail) = rest.split_once(',').unwrap_or((rest, ""));
    let code = code.trim().parse().ok()?;
    let mut pid = None;
    if let Some(process) = detail.trim_start().strip_prefix("pid=") {
        let (number, after) = process.split_once(',').unwrap_or((process, ""));
        // Where the driver does not know it: '<unknown>', quotes included.
        pid = number.trim().trim_matches('\'').parse().ok();
        detail = after;
    }
    // What a user calls his process is not the driver's word.
    if let Some(named) = detail.trim_start().strip_prefix("name=") {
        detail = named.split_once(',').map_or("", |(_, after)| after);
    }
    Some(Xid { slot, code, gpu_instance, pid, detail: detail.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, u32, Option<u32>, Option<u32>, &str) {
        let xid = xid(text).unwrap_or_else(|| panic!("{text}"));
        (xid.slot.to_string(), xid.code, xid.gpu_instance, xid.pid, xid.detail)
    }

    #[test]
    fn a_record_has_number_time_and_text() {
        let line = "4,1234,5678901,-,caller=T77;NVRM: Xid (PCI:0000:b3:00): 79, x; y";
        let read = record(line).unwrap();
        assert_eq!((read.sequence, read.uptime), (1234, Duration::from_micros(5_678_901)));
        assert_eq!(read.text, "NVRM: Xid (PCI:0000:b3:00): 79, x; y");
        for other in ["", " SUBSYSTEM=pci", "a,b,c,-;text", "4,1", "4,1;text", "4,-1,2,-;text", "12,1,2,-;text"] {
            assert_eq!(record(other), None, "{other}");
        }
    }

    #[test]
    fn an_xid_is_read_in_all_its_forms() {
        let slot = "00000000:B3:00.0".to_owned();
        assert_eq!(
            read("NVRM: Xid (PCI:0000:b3:00): 79, pid=1234, name=python, GPU has fallen off the bus."),
            (slot.clone(), 79, None, Some(1234), "GPU has fallen off the bus.")
        );
        assert_eq!(
            read("NVRM: Xid (PCI:0000:b3:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."),
            (slot.clone(), 79, None, None, "GPU has fallen off the bus.")
        );
        assert_eq!(
            read("NVRM: Xid (PCI:0000:b3:00): 31, Ch 00000008, intr 10000000. MMU Fault"),
            (slot.clone(), 31, None, None, "Ch 00000008, intr 10000000. MMU Fault")
        );
        assert_eq!(
            read("NVRM: Xid (PCI:0000:b3:00 GPU-I:05): 94, pid='77', name=x, Contained: SM"),
            (slot.clone(), 94, Some(5), Some(77), "Contained: SM")
        );
        assert_eq!(
            read("NVRM: Xid (PCI:0000:b3:00 GPU-I:13 GPU-CI:00): 13, pid=9"),
            (slot.clone(), 13, Some(13), Some(9), "")
        );
        assert_eq!(
            read(
                "NVRM: Xid (PCI:0000:b3:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)"
            ),
            (slot.clone(), 154, None, None, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)")
        );
        let registers = "NVLink: fatal error detected on link 14(0x0, 0x0, 0x10000, 0x0, 0x0, 0x0, 0x0)";
        assert_eq!(
            read(&format!("NVRM: Xid (PCI:0000:b3:00): 74, pid='<unknown>', name=<unknown>, {registers}")),
            (slot.clone(), 74, None, None, registers)
        );
        assert_eq!(read("NVRM: Xid (PCI:0000:b3:00.0): 45"), (slot.clone(), 45, None, None, ""));
        assert_eq!(read("nvidia: NVRM: Xid (0000:b3:00): 62, 0a82(2a0c)").1, 62);
    }

    #[test]
    fn what_is_no_xid_is_none() {
        for text in [
            "NVRM: GPU at PCI:0000:b3:00: GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            "nvidia-nvswitch2: SXid (PCI:0000:85:00.0): 12028, Non-fatal",
            "NVRM: Xid (PCI:zz): 79",
            "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/user.slice/NVRM: Xid (PCI:0000:b3:00): 79, ,task=a",
            "NVRM: Xid (PCI:0000:b3:00): , pid=1",
            "NVRM: Xid (PCI:0000:b3:00): -1",
            "NVRM: Xid (PCI:0000:b3:00",
            "",
        ] {
            assert_eq!(xid(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".*", place in ".*", rest in ".*") {
            let _ = (record(&text), xid(&text), record(&format!("6,1,2,-;{text}")));
            let _ = xid(&format!("NVRM: Xid (PCI:{place}):{rest}"));
            let _ = xid(&format!("NVRM: Xid (PCI:0000:b3:00):{rest}"));
        }
    }
}
