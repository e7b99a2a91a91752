//! What the kernel says of this process, under the names that every Prometheus client library uses.

use std::fs;

use jiff::Timestamp;

use super::AtScrape;

/// The gauges of a process that began at `started`. What the kernel does not say is left out.
#[must_use]
pub fn process(started: Timestamp) -> Vec<AtScrape> {
    let start = f64::from(u32::try_from(started.as_second()).unwrap_or(u32::MAX));
    vec![
        AtScrape::value("process_start_time_seconds", "When the process began, in seconds since 1970", move || {
            Some(start)
        }),
        AtScrape::value("process_resident_memory_bytes", "Resident memory size in bytes", resident_bytes),
        AtScrape::value("process_open_fds", "Number of open file descriptors", open_files),
        AtScrape::value("process_max_fds", "Maximum number of open file descriptors", most_files),
    ]
}

/// How many files this process may have open, as far as the kernel says so.
#[must_use]
pub fn most_open_files() -> Option<u32> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    // "unlimited" is no number, and no limit.
    soft.parse().ok()
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?;
    Some(kib.parse::<f64>().ok()? * 1024.0)
}

fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them was opened to count them.
    u32::try_from(files).ok().map(|files| f64::from(files.saturating_sub(1)))
}

fn most_files() -> Option<f64> {
    most_open_files().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_all_of_it() {
        for gauge in [resident_bytes(), open_files(), most_files()] {
            assert!(gauge.is_some_and(|value| value > 1.0), "{gauge:?}");
        }
    }
}
