//! Organizations whose keys the vault never has: their whole life, each refusal, and repeated requests.

mod chain;
mod cheap;
mod clock;
mod document;
mod founding;
mod invitations;
mod joining;
mod life;
mod members;
mod rotation;
mod world;
