# Both kinds of processor: docker buildx bake --push --set '*.tags=registry.example.com/clearcut:0.2.0'

group "default" {
  targets = ["clearcut"]
}

target "clearcut" {
  context   = "."
  tags      = ["clearcut"]
  platforms = ["linux/amd64", "linux/arm64"]
}
