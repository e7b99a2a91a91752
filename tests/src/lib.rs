//! What the suite, the demo and the playground stand on: the parts around the two programs, real or as strict as real.

pub mod support;
