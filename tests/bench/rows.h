#pragma once

#include <tests/bench/bench.h>

// The rows of the table, each measured by a function of its key's name.

namespace bench {

Result chain_forward();       // chains.cpp
Result chain_gradient();      //
Result exp_chain_gradient();  //
Result thread_scaling();      //
Result math_worst();          // maths.cpp
Result broadcast_worst();     // broadcasts.cpp
Result rows_worst();          // row_wise.cpp
Result pairwise();            // pairs.cpp
Result pairwise_log();        //
Result gemm_worst();          // gemm.cpp
Result gemm_512();            //
Result mlp_step_us();         //
Result gather_scatter();      // gathers.cpp
Result gather_scatter_threads();
Result optimiser_worst();  // optimisers.cpp

Result record_ns();             // steps.cpp
Result replay_ns_per_node();    //
Result allocations_per_step();  //
Result first_plan_ms();         // plans.cpp
Result resize_us();             //
Result micro_sphere_ms();       // micro_sphere.cpp
Result peak_memory_ratio();     // memory.cpp

Result raster_bunny_visibility_ms();  // raster.cpp
Result raster_bunny_forward_ms();     //
Result raster_bunny_backward_ms();    //
Result raster_spot_visibility_ms();   //
Result raster_spot_forward_ms();      //
Result raster_spot_backward_ms();     //
Result raster_spot_textured_ms();     // raster_textured.cpp

}  // namespace bench
