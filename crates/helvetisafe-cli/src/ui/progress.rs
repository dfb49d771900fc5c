//! The progress bar of long work; without the feature `progress` nothing is shown.

#[cfg(feature = "progress")]
mod bar;

#[cfg(feature = "progress")]
pub(crate) use bar::Progress;

#[cfg(not(feature = "progress"))]
pub(crate) struct Progress;

#[cfg(not(feature = "progress"))]
impl Progress {
    pub(crate) fn new(_: usize, _: super::messages::Messages) -> Self {
        Self
    }

    pub(crate) fn advance(&self) {}

    pub(crate) fn finish(self) {}
}
