//! The suite: everything that is proven with the programs as built, from outside.
//!
//! One room a subject. What a room proves:
