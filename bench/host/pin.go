package host

import "os/exec"

// pinTool sets a process's cores before it starts, so that runtimes count only those: Go's GOMAXPROCS, a JVM's threads.
const pinTool = "taskset"

// CanPin reports whether a process can be kept on some cores here.
func CanPin() bool {
	_, err := exec.LookPath(pinTool)
	return err == nil && Cores() > 1
}

// On gives the arguments that start argv on the given cores, such as "0" or "0,2-3". The process keeps its number.
func On(cores string, argv []string) []string {
	return append([]string{pinTool, "-c", cores}, argv...)
}
