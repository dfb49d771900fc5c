//! Values that are made when they are first needed.

use std::cell::OnceCell;

/// Returns the value of a cell, which `make` makes at the first call that succeeds.
pub(crate) fn get_or_make<T, E>(
    cell: &OnceCell<T>,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<&T, E> {
    match cell.get() {
        Some(value) => Ok(value),
        None => make().map(|value| cell.get_or_init(|| value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_tried_again_and_a_value_stays() {
        let cell = OnceCell::new();
        assert_eq!(get_or_make(&cell, || Err("no")), Err("no"));
        assert_eq!(get_or_make(&cell, || Ok::<_, &str>(1)), Ok(&1));
        assert_eq!(get_or_make(&cell, || Err("no")), Ok(&1));
    }
}
