//! One-time codes: derived from the fleet's secret, never stored.

use rv_base::{OrderId, StopId};
use rv_wire::CodeHash;
use sha2::{Digest, Sha256};

/// Characters of a code: no 0, O, 1 or I.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Length of a code: 40 bits, against which a van allows a handful of attempts.
const CODE_LEN: usize = 8;

/// The code of an order at a stop.
pub(crate) fn code(secret: &[u8; 32], stop: StopId, order: OrderId) -> String {
    let mut hasher = Sha256::new();
    hasher.update(secret);
    hasher.update(stop.0.to_le_bytes());
    hasher.update(order.0.to_le_bytes());
    let digest = hasher.finalize();
    digest.iter().take(CODE_LEN).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// What a vehicle compares an entered code with.
pub(crate) fn hash(stop: StopId, order: OrderId, code: &str) -> CodeHash {
    let mut hasher = Sha256::new();
    hasher.update(stop.0.to_le_bytes());
    hasher.update(order.0.to_le_bytes());
    hasher.update(code.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_by_stop_order_and_secret() {
        let one = code(&[1; 32], StopId(1), OrderId(2));
        assert_eq!(one.len(), CODE_LEN);
        assert_eq!(one, code(&[1; 32], StopId(1), OrderId(2)));
        assert_ne!(one, code(&[1; 32], StopId(2), OrderId(2)));
        assert_ne!(one, code(&[1; 32], StopId(1), OrderId(3)));
        assert_ne!(one, code(&[2; 32], StopId(1), OrderId(2)));
        assert_ne!(hash(StopId(1), OrderId(2), &one), hash(StopId(2), OrderId(2), &one));
    }
}
