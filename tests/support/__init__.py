"""What the tests stand on: real servers, real drivers, real processes."""
