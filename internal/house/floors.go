package house

// floors is the table of rooms below internal/, by floor. A package belongs to the room with the longest matching path.
// A room imports only lower floors and its own sub-rooms; _test files are free. cmd, sim, compat and bench stand on top.
var floors = map[string]int{
	"base": 0,

	"kafka":    1,
	"segment":  1,
	"objstore": 1,

	"meta/log":   2,
	"meta/group": 2,
	"meta/txn":   2,
	"meta/admin": 2,

	"meta":    3,
	"journal": 3,
	"peer":    3,
	"cache":   3,

	"control": 4,

	"ingest":   5,
	"fetch":    5,
	"coord":    5,
	"jobs":     5,
	"security": 5,
	"fsck":     5,

	"registry": 6,
	"table":    6,
	"link":     6,
	"pipeline": 6,
	"load":     6,

	"broker":  7,
	"console": 7,
	"cli":     7,
	"demo":    7,

	"agent": 8,
}

// outside are packages below internal/ that are no rooms; nothing imports them.
var outside = map[string]string{
	"house": "holds tests only",
}

// top are the folders beside internal/ that may import every room, and that no room imports.
var top = []string{"cmd", "sim", "compat", "bench", "tools"}

// Floors that a ban is for, lowest and highest.
const (
	floorPure         = 2
	floorEnvLowest    = 3
	floorEnvHighest   = 7
	floorHighestKnown = 8
)
