use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex even if it is poisoned. No code of the vault panics while it holds a lock; if it did, the
/// data would still be consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
