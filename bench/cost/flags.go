package main

// zonesMax is more than any region has.
const zonesMax = 100

// number is an assumption that is a flag.
type number struct {
	name        string
	to          *float64
	least, most float64
	usage       string
}

// Bounds of flags. A trifle is what a quantity has at least that others are divided by.
const (
	trifle = 1e-3
	plenty = 1e9
)

func (a *assumptions) numbers() []number {
	return []number{
		{"fan-out", &a.FanOut, 0, 1000, "how often everything is read"},
		{"batch", &a.BatchKiB, trifle, 1 << 20, "a producer's batch, in KiB as it is sent"},
		{"partitions", &a.Partitions, 1, plenty, "partitions that are written to all the time"},
		{"retention", &a.RetentionHours, trifle, 1e6, "hours that records are kept"},
		{"batch-timeout", &a.BatchMs, 10, 2000, "--batch-timeout of the agents, in ms"},
		{"batch-bytes", &a.SegmentMiB, trifle, 1024, "--batch-bytes of the agents, in MiB"},
		{"cores", &a.Cores, trifle, plenty, "cores of a machine"},
		{"memory", &a.MemoryGiB, trifle, plenty, "memory of a machine, in GiB"},
		{"network", &a.NetworkGBs, trifle, plenty, "network of a machine each way, in GB/s"},
		{"use", &a.Use, trifle, 1, "share of cores and network that is used at most"},
		{"machine", &a.MachineHour, 0, plenty, "dollars for a machine and hour"},
		{"cross-zone", &a.CrossZoneGB, 0, plenty, "dollars for a GB from zone to zone, both directions together"},
		{"disk", &a.DiskGBMonth, 0, plenty, "Kafka: dollars for a GB of disk and month"},
		{"disk-throughput", &a.DiskMBsMonth, 0, plenty, "Kafka: dollars for a MB/s of disk above 125 and month"},
		{"disk-use", &a.DiskUse, trifle, 1, "Kafka: share of its disks that is used"},
	}
}
