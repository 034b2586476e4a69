//! The source of real GPUs, against an NVML that answers what the test says.
mod driver;
mod looker;
mod lost;
mod readings;
mod xids;
