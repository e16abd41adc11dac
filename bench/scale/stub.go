package main

func (b *bench) java() error { return nil }
