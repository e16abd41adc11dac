package house

// useEnv ends the message of most bans.
const useEnv = "use internal/base/env, so that the simulation schedules it"

// bannedImports are refused on floors 3 to 7, with what follows them as a path.
var bannedImports = map[string]string{
	"math/rand":         "it cannot be replayed from a seed; use Env.Uint64",
	"crypto/rand":       "it cannot be replayed from a seed; use Env.Uint64",
	"os":                "an agent is stateless: files, environment and signals are for cmd, which passes in what is needed",
	"syscall":           "an agent asks nothing of the operating system but through internal/base/env",
	"io/ioutil":         "an agent is stateless and has no files",
	"golang.org/x/sync": useEnv,
	"net/http":          "it starts goroutines of its own; HTTP is for the console and the bucket's drivers",
}

// bannedNames are refused on floors 3 to 7: by package, then name.
var bannedNames = map[string]map[string]string{
	"time": {
		"Now": useEnv, "Since": useEnv, "Until": useEnv, "Sleep": useEnv, "After": useEnv, "AfterFunc": useEnv,
		"NewTimer": useEnv, "NewTicker": useEnv, "Tick": useEnv,
	},
	"context": {
		"Background": useContext, "TODO": useContext, "WithCancel": useContext, "WithCancelCause": useContext,
		"WithTimeout": useContext, "WithTimeoutCause": useContext, "WithDeadline": useContext,
		"WithDeadlineCause": useContext, "AfterFunc": useContext,
	},
	"sync": {
		"Cond": useEnv, "NewCond": useEnv, "WaitGroup": useEnv,
	},
	"net": {
		"Listen": useEnv, "ListenTCP": useEnv, "ListenConfig": useEnv, "Dial": useEnv, "DialTimeout": useEnv,
		"DialTCP": useEnv, "Dialer": useEnv, "Pipe": useEnv,
	},
	"runtime": {
		"Gosched": useEnv, "Goexit": useEnv,
	},
}

const useContext = "use Stopper.Context and Env.WithTimeout of internal/base/env"

// impureImports are refused in pure rooms (floor 2, and meta itself), with what follows them as a path.
var impureImports = map[string]string{
	"context":     "a pure room does not wait",
	"sync":        "a pure room has no goroutines: one owner calls it",
	"time":        "a pure room takes time as an argument (base.Millis)",
	"math/rand":   "a pure room takes randomness as an argument",
	"crypto/rand": "a pure room takes randomness as an argument",
	"os":          "a pure room does no I/O",
	"net":         "a pure room does no I/O",
	"io":          "a pure room does no I/O",
	"syscall":     "a pure room does no I/O",
	"log":         "a pure room does no I/O",
	"runtime":     "a pure room's result depends on its arguments alone",

	"github.com/millrace-io/millrace/internal/base/env": "a pure room has neither clock nor goroutines",
}

// pureRooms are held to impureImports beside floor 2.
var pureRooms = []string{"meta"}

// exception frees one package, with its sub-packages, from the bans of floors 3 to 7.
type exception struct{ pkg, reason string }

var exceptions = []exception{
	{"console", "serves HTTP by net/http, which has goroutines of its own; no part of the simulation"},
	{"demo", "is the client's side: a sample producer and consumer over franz-go; no part of an agent"},
	{"load", "is the client's side: producers and consumers over franz-go that measure; no part of an agent"},
	{"cli", "is the client's side: commands on a person's machine, over franz-go; no part of an agent"},
}
