"""What the stages stand on: threads, memory, BLAS, the tape of training, compiling, files.

None of it is about Mask R-CNN, and all of it can be skipped on a first reading.
"""
