package broker

// Coordinator is the soft side of groups.
type Coordinator interface{}
