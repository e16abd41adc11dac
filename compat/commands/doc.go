// Package commands runs the built binary as a person does: demo, playground, agents that cannot start. What it prints and
// how it ends is what others script against.
package commands
